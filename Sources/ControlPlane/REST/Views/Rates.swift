import WeirKit

/// What a subtask did per second between two snapshots of one process. Pure.
package struct SubtaskRates: Sendable, Equatable {
    package var recordsIn = 0.0
    package var recordsOut = 0.0
    /// Of each second, 0…1.
    package var busy = 0.0
    package var idle = 0.0
    package var backPressured = 0.0

    package init() {}

    /// All zero without an earlier reading.
    package init(_ now: JobSnapshot.Subtask, since before: JobSnapshot.Subtask?, millis: Int64) {
        guard let before, millis > 0 else { return }
        let seconds = Double(millis) / 1000
        func share(_ path: KeyPath<JobSnapshot.Subtask, Int>) -> Double {
            min(1, max(0, Double(now[keyPath: path] - before[keyPath: path]) / Double(millis)))
        }
        recordsIn = max(0, Double(now.recordsIn - before.recordsIn) / seconds)
        recordsOut = max(0, Double(now.recordsOut - before.recordsOut) / seconds)
        busy = share(\.busyMillis)
        idle = share(\.idleMillis)
        backPressured = share(\.backPressuredMillis)
    }
}

/// A subtask's reading with its rates.
package struct SubtaskView: Sendable {
    package let reading: JobSnapshot.Subtask
    package let rates: SubtaskRates

    /// Those of one vertex, by number; of all when `vertex` is nil. What has ended does nothing any more.
    static func all(_ view: JobView, vertex: String? = nil) -> [SubtaskView] {
        guard let pair = view.comparable else { return [] }
        let before = Dictionary(
            (pair.before?.subtasks ?? []).map { ("\($0.vertex)/\($0.subtask)", $0) }, uniquingKeysWith: { $1 })
        return pair.now.subtasks.filter { vertex == nil || $0.vertex == vertex }.map {
            SubtaskView(
                reading: $0, rates: SubtaskRates($0, since: before["\($0.vertex)/\($0.subtask)"], millis: pair.millis))
        }
    }
}

/// What an operator did per second between two snapshots of one process, in all its subtasks. Pure.
struct OperatorRates {
    /// `nil` where nothing is counted; zero without an earlier reading.
    let recordsIn: Double?
    let recordsOut: Double?

    init(_ now: JobSnapshot.OperatorReading?, since before: JobSnapshot.OperatorReading?, millis: Int64) {
        func rate(_ path: KeyPath<JobSnapshot.OperatorReading, Int?>) -> Double? {
            now?[keyPath: path].map { count in
                guard let earlier = before?[keyPath: path], millis > 0 else { return 0 }
                return max(0, Double(count - earlier) * 1000 / Double(millis))
            }
        }
        recordsIn = rate(\.recordsIn)
        recordsOut = rate(\.recordsOut)
    }
}

extension JobView {
    /// The last snapshot, the one before it that rates are counted from, and the time between them. What has ended has none
    /// before: it does nothing any more.
    var comparable: (now: JobSnapshot, before: JobSnapshot?, millis: Int64)? {
        guard let now = snapshot else { return nil }
        let before = record.state.isEnded ? nil : previous
        return (now, before, now.takenAtMillis - (before?.takenAtMillis ?? now.takenAtMillis))
    }
}
