import Synchronization

/// The alignment groups of one attempt: sources that wait for one another in event time. Used by any task thread.
package final class WatermarkAlignments: Sendable {
    private let groups = Mutex<[String: WatermarkAlignment]>([:])

    package init() {}

    func join(_ group: String, splits: Int) -> WatermarkAlignment.Member {
        let alignment = groups.withLock { groups in
            if let known = groups[group] { return known }
            let made = WatermarkAlignment()
            groups[group] = made
            return made
        }
        return alignment.join(splits: splits)
    }
}

/// What each split of a group has reached. A lock taken every few milliseconds per source subtask.
final class WatermarkAlignment: Sendable {
    private struct State {
        var next = 0
        var reached: [Int: [Int64]] = [:]
    }
    private let state = Mutex(State())

    /// One subtask of one source.
    struct Member: Sendable {
        fileprivate let alignment: WatermarkAlignment
        fileprivate let id: Int

        func publish(_ split: Int, _ watermark: Int64) { alignment.state.withLock { $0.reached[id]?[split] = watermark } }

        /// The least of the group; `Int64.max` when nobody holds it back.
        func slowest() -> Int64 { alignment.state.withLock { $0.reached.values.joined().min() ?? .max } }

        func leave() { alignment.state.withLock { $0.reached[id] = nil } }
    }

    func join(splits: Int) -> Member {
        state.withLock { state in
            defer { state.next += 1 }
            state.reached[state.next] = Array(repeating: .min, count: splits)
            return Member(alignment: self, id: state.next)
        }
    }
}
