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
        guard let snapshot = view.snapshot else { return [] }
        let previous = view.record.state.isEnded ? nil : view.previous
        let before = Dictionary(
            (previous?.subtasks ?? []).map { ("\($0.vertex)/\($0.subtask)", $0) }, uniquingKeysWith: { $1 })
        let millis = snapshot.takenAtMillis - (previous?.takenAtMillis ?? snapshot.takenAtMillis)
        return snapshot.subtasks.filter { vertex == nil || $0.vertex == vertex }.map {
            SubtaskView(
                reading: $0, rates: SubtaskRates($0, since: before["\($0.vertex)/\($0.subtask)"], millis: millis))
        }
    }
}
