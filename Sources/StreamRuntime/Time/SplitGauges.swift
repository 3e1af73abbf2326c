/// What a subtask's splits show of event time. Set every few milliseconds, by the task thread.
struct SplitGauges {
    /// Splits that have not ended.
    struct Reading: Equatable {
        var idle = 0
        var paused = 0
        /// Of the splits that are not idle and have a watermark.
        private(set) var slowest = Int64.max
        private(set) var fastest = Int64.min

        mutating func add(watermark: Int64, isIdle: Bool, isPaused: Bool) {
            if isPaused { paused += 1 }
            if isIdle {
                idle += 1
            } else if watermark != .min {
                slowest = min(slowest, watermark)
                fastest = max(fastest, watermark)
            }
        }

        /// From the slowest split, of the group where one is known there, to the fastest.
        func driftMillis(slowestOfGroup: Int64?) -> Int64 {
            guard fastest != .min else { return 0 }
            let others = slowestOfGroup == .min ? nil : slowestOfGroup
            return max(0, fastest.subtractingSaturating(min(slowest, others ?? .max)))
        }
    }

    private let idle: MetricRegistry.Cell
    private let paused: MetricRegistry.Cell
    private let drift: MetricRegistry.Cell

    init(_ context: OperatorContext) {
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        idle = context.metrics.gauge(.watermarkIdleSplits, labels: labels)
        paused = context.metrics.gauge(.watermarkPausedSplits, labels: labels)
        drift = context.metrics.gauge(.watermarkDrift, labels: labels, scale: 1e-3)  // kept in milliseconds
        show(Reading(), slowestOfGroup: nil)
    }

    func show(_ reading: Reading, slowestOfGroup: Int64?) {
        idle.set(reading.idle)
        paused.set(reading.paused)
        drift.set(Int(reading.driftMillis(slowestOfGroup: slowestOfGroup)))
    }
}
