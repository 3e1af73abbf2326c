/// Timers over a store that can evict: per key group the earliest ones are in memory, in order; the rest is in the
/// table and the store, and is read back by bounded range scans when its time comes near.
///
/// Memory: `TimerLimits`, whatever the number of timers. Cost: registering and deleting read nothing from the store;
/// taking a timer costs its share of a scan (about a µs). Owned by the task thread.
@usableFromInline final class BoundedTimers<Key: StreamKey> {
    @usableFromInline let table: StateTable<TimerKey<Key>, Unit>
    @usableFromInline let owned: Range<Int>
    @usableFromInline let capacity: Int
    @usableFromInline let beyondMax: Int
    @usableFromInline var groups: [TimerGroup<Key>]
    @usableFromInline var earliest: Tournament
    /// In all groups' `beyond`: timers past the horizon that entered the table since its changes were last taken out.
    /// After that a scan finds them, so that they need not be remembered.
    @usableFromInline var beyondCount = 0
    @usableFromInline var takesSeen = 0
    /// Of the state that the timers' functions use.
    @usableFromInline var ahead: ReadAhead<Key>?
    @usableFromInline var scratch = ByteWriter()

    @inlinable init(table: StateTable<TimerKey<Key>, Unit>, owned: Range<Int>, limits: TimerLimits) {
        self.table = table
        self.owned = owned
        capacity = max(limits.perGroupMin, limits.cachedMax / max(1, owned.count))
        beyondMax = limits.beyondMax
        groups = Array(repeating: TimerGroup(), count: owned.count)
        earliest = Tournament(players: owned.count)
    }

    @inlinable var earliestMillis: Int64? { earliest.winner?.score }

    /// After the operator's state is sealed. Costs a seek for each owned key group, or one when there are no timers.
    @inlinable func restore() throws {
        var isEmpty = true
        let bounds = StateKeyLayout.bounds(stateID: table.stateID, keyGroups: owned)
        try table.store.scan(from: bounds.start, below: bounds.end) { _, _ in
            isEmpty = false
            return false
        }
        for index in groups.indices {
            if isEmpty { groups[index].horizon = .everything } else { try refill(index) }
            earliest.update(index, groups[index].first?.millis)
        }
    }

    @inlinable func register(_ timer: TimerKey<Key>) {
        guard table.presence(timer) != .live else { return }  // windows register the same timer with each record
        forgetWhatScansFind()
        guard let index = index(timer) else { return }
        let admission = groups[index].admit(TimerPosition(timer, scratch: &scratch), capacity: capacity)
        if admission == .present { return }
        table.set(timer, Unit())
        if admission == .beyond {
            beyondCount += 1
            if beyondCount > beyondMax { shrinkBeyond() }
        }
        update(index)
    }

    @inlinable func delete(_ timer: TimerKey<Key>) {
        guard let index = index(timer) else { return }
        let position = TimerPosition(timer, scratch: &scratch)
        if groups[index].isWithinHorizon(position), !groups[index].remove(position) { return }
        erase(timer)
        update(index)
    }

    @inlinable func next(upTo millis: Int64) -> TimerKey<Key>? {
        guard let (index, least) = earliest.winner, least <= millis, let first = groups[index].first else { return nil }
        let timer = first.timer
        if groups[index].readAhead == 0 { readAhead(index, upTo: millis) }
        groups[index].readAhead -= 1
        groups[index].removeFirst()
        erase(timer)
        update(index)
        return timer
    }

    /// Reads the state of the group's next timers; all groups' fit into the table together.
    @inline(never)
    @inlinable func readAhead(_ index: Int, upTo millis: Int64) {
        groups[index].readAhead = 1
        guard let ahead, ahead.isOfUse else { return }
        let items = groups[index].items[groups[index].head...].prefix(min(Self.readAheadMax, ahead.keysMax() / groups.count))
        let due = items.prefix { $0.millis <= millis }
        for item in due { ahead.want(item.key) }
        ahead.read()
        groups[index].readAhead = max(1, due.count)
    }

    /// RocksDB looks up to 32 keys at once.
    @inlinable static var readAheadMax: Int { 64 }

    /// `nil` for a key of another subtask: that fails the job (`ForeignKeyError`), as a change of its state does.
    @inlinable func index(_ timer: TimerKey<Key>) -> Int? {
        let group = table.keyGroups.group(ofHash: timer.key.stableHash)
        guard owned.contains(group) else {
            table.fault.record(ForeignKeyError(group: group, owned: owned))
            return nil
        }
        return group &- owned.lowerBound
    }

    /// Removes a timer without asking the store whether it is there.
    @inlinable func erase(_ timer: TimerKey<Key>) {
        table.set(timer, Unit())
        table.remove(timer)
    }

    @inlinable func update(_ index: Int) {
        if groups[index].needsRefill {
            do {
                try refill(index)
            } catch {
                table.fault.record(error)
            }
        }
        earliest.update(index, groups[index].first?.millis)
    }

    /// Reads the next timers of a group. What is in `beyond` is in the table's changes, which a scan does not see.
    @inline(never)
    @inlinable func refill(_ index: Int) throws {
        forgetWhatScansFind()
        let group = owned.lowerBound + index
        var start = StateKeyLayout.bounds(stateID: table.stateID, keyGroups: group..<group + 1)
        if case .through(let last) = groups[index].horizon {
            scratch.removeAll()
            table.encodeKey(last.timer, into: &scratch)
            start.start = scratch.bytes + [0]  // the first key past it
        }
        var stored: [TimerPosition<Key>] = []
        var isExhausted = true
        try table.store.scan(from: start.start, below: start.end) { bytes, _ in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[StateKeyLayout.headerBytes...]))
            let timer = try TimerKey<Key>(from: &reader)
            if table.presence(timer) != .removed { stored.append(TimerPosition(timer, scratch: &scratch)) }
            isExhausted = stored.count < capacity
            return isExhausted
        }
        let before = groups[index].beyond.count
        groups[index].refill(stored: stored, isExhausted: isExhausted, capacity: capacity) {
            table.presence($0.timer) == .live
        }
        beyondCount -= before - groups[index].beyond.count
    }

    /// The table's changes were taken out since the last look (a barrier, or eviction).
    @inlinable func forgetWhatScansFind() {
        guard table.takes != takesSeen else { return }
        takesSeen = table.takes
        guard beyondCount > 0 else { return }
        for index in groups.indices { groups[index].beyond.removeAll() }
        beyondCount = 0
    }

    /// Forgets the timers that were deleted since (sessions move theirs with each record); when too many are left, a
    /// spill makes all of them readable.
    @inline(never)
    @inlinable func shrinkBeyond() {
        beyondCount = 0
        for index in groups.indices {
            groups[index].beyond.removeAll { table.presence($0.timer) != .live }
            beyondCount += groups[index].beyond.count
        }
        guard beyondCount * 2 > beyondMax else { return }
        table.spill()
        forgetWhatScansFind()
    }
}

/// How many timers of one time domain of one subtask a store that can evict keeps in memory: two domains hold
/// 64 Ki at most.
@usableFromInline package struct TimerLimits: Sendable {
    /// The earliest ones, divided among the key groups.
    @usableFromInline var cachedMax: Int
    /// Later ones that were registered since the last barrier; when there are more, the table is spilled.
    @usableFromInline var beyondMax: Int
    /// With so many key groups that a group's share is less, a group may keep this many all the same.
    @usableFromInline var perGroupMin: Int

    @inlinable package init(cachedMax: Int = 16 << 10, beyondMax: Int = 16 << 10, perGroupMin: Int = 16) {
        self.cachedMax = cachedMax
        self.beyondMax = beyondMax
        self.perGroupMin = perGroupMin
    }
}
