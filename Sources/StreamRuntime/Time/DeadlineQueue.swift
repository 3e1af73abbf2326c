/// Payloads by time, earliest first: a binary heap. Owned by one task thread.
@usableFromInline struct DeadlineQueue<Payload> {
    @usableFromInline var items: [(millis: Int64, payload: Payload)] = []

    @inlinable init() {}

    @inlinable var earliestMillis: Int64? { items.first?.millis }

    @inlinable mutating func insert(_ payload: Payload, at millis: Int64) {
        items.append((millis, payload))
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].millis < items[parent].millis else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest payload that is due at `millis`.
    @inlinable mutating func take(dueAt millis: Int64) -> Payload? {
        guard let first = items.first, first.millis <= millis else { return nil }
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < items.count {
                if items[child].millis < items[least].millis { least = child }
            }
            if least == parent { return first.payload }
            items.swapAt(least, parent)
            parent = least
        }
    }
}
