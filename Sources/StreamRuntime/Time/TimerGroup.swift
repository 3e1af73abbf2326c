/// The earliest timers of one key group, in order, and how far they reach. Pure: what lies past the horizon is
/// handed in by `refill`.
///
/// Invariants:
/// T1. Every timer of the group at or before the horizon is in `items`, and nothing else is.
/// T2. Every timer past the horizon is in `beyond` or in the store. (`beyond` may also name timers that were deleted.)
/// T3. There is an item, or there is no timer at all (after `refill`, and as long as `needsRefill` is heeded).
@usableFromInline struct TimerGroup<Key: StreamKey> {
    @usableFromInline enum Horizon {
        /// Nothing was read yet.
        case unknown
        case through(TimerPosition<Key>)
        /// All timers of the group are here.
        case everything
    }
    @usableFromInline enum Admission { case present, cached, beyond }

    @usableFromInline var items: [TimerPosition<Key>] = []
    /// Items before it were taken.
    @usableFromInline var head = 0
    @usableFromInline var horizon = Horizon.unknown
    @usableFromInline var beyond: [TimerPosition<Key>] = []
    /// For so many of the first items what their functions need was read ahead of time. A hint.
    @usableFromInline var readAhead = 0

    @inlinable init() {}

    @inlinable var count: Int { items.count - head }
    @inlinable var first: TimerPosition<Key>? { head < items.count ? items[head] : nil }
    @inlinable var needsRefill: Bool {
        guard head == items.count else { return false }
        if case .everything = horizon { return false }
        return true
    }

    @inlinable func isWithinHorizon(_ position: TimerPosition<Key>) -> Bool {
        switch horizon {
        case .unknown: false
        case .through(let last): position <= last
        case .everything: true
        }
    }

    /// `.beyond` says nothing of whether the timer was there before.
    @inlinable mutating func admit(_ position: TimerPosition<Key>, capacity: Int) -> Admission {
        guard isWithinHorizon(position) else {
            beyond.append(position)
            return .beyond
        }
        let index = lowerBound(position)
        if index < items.count, items[index] == position { return .present }
        items.insert(position, at: index)
        guard count > capacity else { return .cached }
        beyond.append(items.removeLast())
        horizon = .through(items[items.count - 1])
        return .beyond
    }

    /// Only for positions within the horizon. Returns whether it was there.
    @inlinable mutating func remove(_ position: TimerPosition<Key>) -> Bool {
        let index = lowerBound(position)
        guard index < items.count, items[index] == position else { return false }
        items.remove(at: index)
        return true
    }

    @inlinable mutating func removeFirst() {
        head += 1
        if head == items.count || (head >= 64 && head * 2 > items.count) {
            items.removeFirst(head)
            head = 0
        }
    }

    /// When no items are left: the next ones. `stored`: the store's timers past the horizon in order, all of them
    /// (`isExhausted`) or the first `capacity`. `isLive`: whether a timer of `beyond` was not deleted since.
    @inlinable mutating func refill(
        stored: [TimerPosition<Key>], isExhausted: Bool, capacity: Int, isLive: (TimerPosition<Key>) -> Bool
    ) {
        beyond.sort()
        items.removeAll(keepingCapacity: true)
        head = 0
        var fromStore = 0
        var fromBeyond = 0
        while items.count < capacity {
            let next: TimerPosition<Key>
            if fromBeyond < beyond.count,
                fromStore < stored.count ? beyond[fromBeyond] <= stored[fromStore] : isExhausted
            {
                next = beyond[fromBeyond]
                fromBeyond += 1
                guard isLive(next) else { continue }
            } else if fromStore < stored.count {
                next = stored[fromStore]
                fromStore += 1
            } else {
                break
            }
            if items.last != next { items.append(next) }
        }
        beyond.removeFirst(fromBeyond)
        if isExhausted, fromStore == stored.count, beyond.isEmpty {
            horizon = .everything
        } else if let last = items.last {
            horizon = .through(last)
        }
    }

    /// The first index whose item is not before `position`. Timers come in the order of time more often than not.
    @inlinable func lowerBound(_ position: TimerPosition<Key>) -> Int {
        guard head < items.count, !(items[items.count - 1] < position) else { return items.count }
        var low = head
        var high = items.count - 1
        while low < high {
            let middle = (low + high) / 2
            if items[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
