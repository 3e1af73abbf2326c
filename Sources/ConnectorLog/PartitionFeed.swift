import Synchronization

/// What readers may see of one partition, and whom to wake when it changes. Callable from any thread.
final class PartitionFeed: Sendable {
    let id: LogTopicPartition
    private let endOffset: Atomic<Int64>
    private struct Shared {
        var extent: PartitionExtent
        var waiters: [UInt64: @Sendable () -> Void] = [:]
        var nextWaiter: UInt64 = 0
    }
    private let shared: Mutex<Shared>

    init(_ id: LogTopicPartition, _ extent: PartitionExtent) {
        self.id = id
        endOffset = Atomic(extent.end)
        shared = Mutex(Shared(extent: extent))
    }

    /// The offset after the last committed record: one atomic load, so that an idle poll costs next to nothing.
    var end: Int64 { endOffset.load(ordering: .acquiring) }

    var extent: PartitionExtent { shared.withLock { $0.extent } }

    func publish(_ extent: PartitionExtent) {
        let waiters = shared.withLock { shared -> [@Sendable () -> Void] in
            guard shared.extent != extent else { return [] }
            shared.extent = extent
            endOffset.store(extent.end, ordering: .releasing)
            return Array(shared.waiters.values)
        }
        for wake in waiters { wake() }
    }

    func addWaiter(_ wake: @escaping @Sendable () -> Void) -> UInt64 {
        shared.withLock {
            $0.nextWaiter += 1
            $0.waiters[$0.nextWaiter] = wake
            return $0.nextWaiter
        }
    }

    func removeWaiter(_ number: UInt64) { shared.withLock { $0.waiters[number] = nil } }
}

/// The feeds of all partitions anyone has asked for, with the state behind them.
final class FeedTable: Sendable {
    private struct Shared {
        var state: LogState
        var feeds: [LogTopicPartition: PartitionFeed] = [:]
    }
    private let shared: Mutex<Shared>

    init(_ state: LogState) { shared = Mutex(Shared(state: state)) }

    func feed(_ id: LogTopicPartition) -> PartitionFeed {
        shared.withLock {
            if let known = $0.feeds[id] { return known }
            let made = PartitionFeed(id, $0.state.partitions[id] ?? PartitionExtent())
            $0.feeds[id] = made
            return made
        }
    }

    /// Shows `state` to readers and wakes those whose partition changed (`nil`: any may have).
    func publish(_ state: LogState, _ changed: Set<LogTopicPartition>?) {
        let affected = shared.withLock { shared -> [PartitionFeed] in
            shared.state = state
            return changed.map { $0.compactMap { shared.feeds[$0] } } ?? Array(shared.feeds.values)
        }
        for feed in affected { feed.publish(state.partitions[feed.id] ?? PartitionExtent()) }
    }

    var state: LogState { shared.withLock { $0.state } }
}
