import WeirKit

/// Where a job's time went by the engine's own accounting: what can be said of a process whose stacks cannot be seen. Pure.
package enum BusyTime {
    package static let busy = "busy"
    package static let backPressured = "back-pressured"

    /// Milliseconds between two readings of one process: chain → subtask → busy or back-pressured. Idle time is left out.
    package static func stacks(from earlier: JobSnapshot, to later: JobSnapshot) -> FoldedStacks {
        struct Place: Hashable {
            let vertex: String
            let subtask: Int
        }
        let before = Dictionary(
            earlier.subtasks.map { (Place(vertex: $0.vertex, subtask: $0.subtask), $0) }, uniquingKeysWith: { $1 })
        let names = Dictionary(later.plan.vertices.map { ($0.id, $0.name) }, uniquingKeysWith: { $1 })
        var stacks = FoldedStacks()
        for now in later.subtasks {
            let place = [names[now.vertex] ?? now.vertex, "subtask \(now.subtask)"]
            let then = before[Place(vertex: now.vertex, subtask: now.subtask)]
            // A process that began anew in between counts from nothing.
            let isSame = now.busyMillis >= then?.busyMillis ?? 0 && now.backPressuredMillis >= then?.backPressuredMillis ?? 0
            stacks.add(place + [busy], weight: now.busyMillis - (isSame ? then?.busyMillis ?? 0 : 0))
            stacks.add(place + [backPressured], weight: now.backPressuredMillis - (isSame ? then?.backPressuredMillis ?? 0 : 0))
        }
        return stacks
    }
}
