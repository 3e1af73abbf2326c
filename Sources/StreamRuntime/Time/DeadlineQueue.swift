/// Payloads by time (of whichever clock and unit), earliest first: a binary heap. Owned by one task thread.
@usableFromInline struct DeadlineQueue<Payload> {
    @usableFromInline var items: [(time: Int64, payload: Payload)] = []

    @inlinable init() {}

    @inlinable var earliest: Int64? { items.first?.time }

    @inlinable mutating func insert(_ payload: Payload, at time: Int64) {
        items.append((time, payload))
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].time < items[parent].time else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest payload that is due at `time`.
    @inlinable mutating func take(dueAt time: Int64) -> Payload? {
        guard let first = items.first, first.time <= time else { return nil }
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < items.count {
                if items[child].time < items[least].time { least = child }
            }
            if least == parent { return first.payload }
            items.swapAt(least, parent)
            parent = least
        }
    }
}
