import COSShim

/// The fields of a `StateTable` that are used for each record, behind a pointer: class properties would cost exclusivity
/// checks.
@usableFromInline struct StateTableCore {
    @usableFromInline var slots: UnsafeMutableRawPointer
    @usableFromInline var mask: Int
    /// Live and erased slots.
    @usableFromInline var used = 0
    /// Slots that hold a value.
    @usableFromInline var count = 0
    /// Indices of the dirty slots, in order of their first change in this epoch.
    @usableFromInline var dirty: UnsafeMutablePointer<UInt32>
    @usableFromInline var dirtyCapacity: Int
    @usableFromInline var dirtyCount = 0

    @usableFromInline init(slots: UnsafeMutableRawPointer, slotCount: Int) {
        self.slots = slots
        mask = slotCount - 1
        dirtyCapacity = 1024
        dirty = .allocate(capacity: 1024)
    }
}

/// Where the tables of an operator are whose keys are those of its records. Valid as long as its `OperatorState`; task thread.
///
/// A table larger than the caches costs a cache miss a record. Looked up ahead of time, those of many records are waited
/// for together: on a table of a million keys this halves the time of a fold (`weir-bench keyed-count-heap`).
@usableFromInline struct TablePlaces<Key: StreamKey> {
    @usableFromInline struct Place {
        @usableFromInline let core: UnsafeMutablePointer<StateTableCore>
        @usableFromInline let stride: Int

        @usableFromInline init(core: UnsafeMutablePointer<StateTableCore>, stride: Int) {
            self.core = core
            self.stride = stride
        }
    }
    @usableFromInline let places: UnsafeBufferPointer<Place>
    /// The tables' own; kept here, as a global would be asked each time whether it is there yet.
    @usableFromInline let seed = processTableSeed
    /// `nil`: the table holds everything, or there are several.
    @usableFromInline let ahead: ReadAhead<Key>?

    @usableFromInline init(_ places: UnsafeBufferPointer<Place>, ahead: ReadAhead<Key>?) {
        self.places = places
        self.ahead = ahead
    }

    /// Where a key is text the hash costs as much as the miss, and copying records that own memory more than it.
    @inlinable static func isWorthIt<Record>(for _: Record.Type) -> Bool { _isPOD(Key.self) && _isPOD(Record.self) }

    /// Brings what is stored for the keys of these records into the table, if it is not all there.
    @inlinable @inline(__always)
    func readAhead<Record>(_ records: UnsafeBufferPointer<Record>, key: (Record) -> Key) {
        guard let ahead, ahead.isOfUse else { return }
        for index in records.indices { ahead.want(key(records[index])) }
        ahead.read()
    }

    /// Brings the places of `key` into the processor's cache.
    @inlinable @inline(__always)
    func prefetch(_ key: Key) {
        let hash = Int(truncatingIfNeeded: key.tableHash(seed: seed))
        for place in places { cos_prefetch(place.core.pointee.slots + (hash & place.core.pointee.mask) &* place.stride) }
    }
}
