import StreamRuntime
import WeirKit

/// Flink's metric queries: names without `get`, values with it. Pure.
package enum MetricViews {
    /// By name, in Flink's names where it has one.
    package static func ofSubtask(_ subtask: SubtaskView) -> [(name: String, value: Double)] {
        var all: [(String, Double)] = [
            ("numRecordsIn", Double(subtask.reading.recordsIn)), ("numRecordsOut", Double(subtask.reading.recordsOut)),
            ("numRecordsInPerSecond", subtask.rates.recordsIn), ("numRecordsOutPerSecond", subtask.rates.recordsOut),
            ("busyTimeMsPerSecond", subtask.rates.busy * 1000), ("idleTimeMsPerSecond", subtask.rates.idle * 1000),
            ("backPressuredTimeMsPerSecond", subtask.rates.backPressured * 1000),
        ]
        if let watermark = subtask.reading.watermarkMillis { all.append(("currentInputWatermark", Double(watermark))) }
        return all
    }

    /// The job's, then every series of its process under Prometheus' notation.
    package static func ofJob(_ view: JobView, series: [SeriesReading], atMillis now: Int64) -> [(name: String, value: Double)] {
        let checkpoints = view.snapshot?.checkpoints
        let last = checkpoints?.records.last { $0.status == .completed }
        let runs = view.record.state.process != nil
        let all: [(String, Double)] = [
            ("uptime", runs ? Double(now - (view.record.startedAtMillis ?? now)) : 0),
            ("numRestarts", Double((view.snapshot?.restarts ?? 0) + view.record.relaunches)),
            ("lastCheckpointDuration", Double(last?.durationMillis ?? -1)), ("lastCheckpointSize", Double(last?.newBytes ?? -1)),
            ("lastCheckpointFullSize", Double(last?.stateBytes ?? -1)),
            ("numberOfCompletedCheckpoints", Double(checkpoints?.completed ?? 0)),
            ("numberOfFailedCheckpoints", Double(checkpoints?.failed ?? 0)),
            ("numberOfInProgressCheckpoints", checkpoints?.records.last?.status == .inProgress ? 1 : 0),
            ("totalNumberOfCheckpoints", Double((checkpoints?.completed ?? 0) + (checkpoints?.failed ?? 0))),
        ]
        return all + of(series)
    }

    /// The server's, in the place of a job manager's: Flink's where there is a counterpart, then every series of its process.
    package static func ofServer(_ jobs: [JobView], series: [SeriesReading]) -> [(name: String, value: Double)] {
        [
            ("numRunningJobs", Double(jobs.count { !$0.record.state.isEnded })),
            ("numRegisteredTaskManagers", Double(jobs.count { $0.record.state.process != nil })),
        ] + of(series)
    }

    /// Every series of a process, in Prometheus' notation.
    package static func of(_ series: [SeriesReading]) -> [(name: String, value: Double)] {
        series.map { reading in
            let labels = reading.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ",")
            return (labels.isEmpty ? reading.name : "\(reading.name){\(labels)}", reading.value)
        }
    }

    /// `get` nil: the names alone.
    package static func list(_ metrics: [(name: String, value: Double)], get: Set<String>?) -> JSON {
        guard let get else { return JSON(metrics.map { ["id": JSON($0.name)] }) }
        return JSON(metrics.filter { get.contains($0.name) }.map { ["id": JSON($0.name), "value": JSON(text($0.value))] })
    }

    /// What is told of several members' metrics of one name. `skew`, in percent: how far they are from their mean on average,
    /// as a share of it.
    package static let aggregations: Set<String> = ["min", "max", "sum", "avg", "skew"]

    /// Several members' metrics of the same names; `agg` nil: all of `aggregations`.
    package static func aggregate(
        _ members: [[(name: String, value: Double)]], get: Set<String>?, agg: Set<String>?
    ) -> JSON {
        var values: [String: [Double]] = [:]
        for member in members { for metric in member { values[metric.name, default: []].append(metric.value) } }
        let names = values.keys.sorted()
        guard let get else { return JSON(names.map { ["id": JSON($0)] }) }
        return JSON(
            names.filter(get.contains).map { name in
                let numbers = values[name] ?? []
                let sum = numbers.reduce(0, +)
                let average = numbers.isEmpty ? 0 : sum / Double(numbers.count)
                let all: [String: Double] = [
                    "min": numbers.min() ?? 0, "max": numbers.max() ?? 0, "sum": sum, "avg": average,
                    "skew": skew(numbers, average),
                ]
                var object: [String: JSON] = ["id": JSON(name)]
                for (kind, number) in all where agg?.contains(kind) ?? true { object[kind] = JSON(number) }
                return .object(object)
            })
    }

    private static func skew(_ numbers: [Double], _ average: Double) -> Double {
        guard average != 0 else { return 0 }
        let deviation = numbers.reduce(0) { $0 + abs($1 - average) } / Double(numbers.count)
        return min(100, deviation / average * 100)
    }

    /// Flink's values are texts.
    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
