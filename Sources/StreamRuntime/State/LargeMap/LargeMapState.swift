/// A map per key that is read and stored by parts of up to 64 entries, so that it may be far larger than what changes between two
/// checkpoints, and than memory. What an entry is and does is as in `MapState`.
///
/// An access costs one look-up more than one in a `MapState`, once the map has a second part; a change costs its part at the next
/// checkpoint. Parts are added and taken away one by one, by linear hashing of the entries' `stableHash`. Owned by the task thread.
public struct LargeMapState<Key: StreamKey, UserKey: StreamKey, Value: StateCodable> {
    @usableFromInline typealias Part = MapPart<UserKey, Value>
    @usableFromInline let table: StateTable<MapPartKey<Key>, Part>

    @inlinable init(table: StateTable<MapPartKey<Key>, Part>) { self.table = table }

    // MARK: An entry

    /// One entry of the map of `key`; set `nil` to remove it.
    @inlinable public subscript(key: Key, userKey: UserKey) -> Value? {
        get { table.get(place(of: userKey, key, parts: partCount(key)))?.entries[userKey] }
        nonmutating set {
            if let newValue {
                self[key, userKey, default: newValue] = newValue
            } else {
                remove(userKey, of: key)
            }
        }
    }

    /// One entry, or `initial`; updated in place: `counts[user, page, default: 0] += 1`.
    @inlinable public subscript(key: Key, userKey: UserKey, default initial: @autoclosure () -> Value) -> Value {
        get { self[key, userKey] ?? initial() }
        nonmutating _modify {
            let parts = partCount(key)
            let place = place(of: userKey, key, parts: parts)
            let part = table.pointer(for: place) { Part(parts: place.part == 0 ? 1 : 0) }
            yield &part.pointee.entries[userKey, default: initial()]
            if part.pointee.entries.count > Part.entriesMax { addPart(to: key, parts) }
        }
    }

    /// Returns the removed value.
    @discardableResult
    @inlinable public func remove(_ userKey: UserKey, of key: Key) -> Value? {
        let parts = partCount(key)
        let place = place(of: userKey, key, parts: parts)
        guard table.get(place)?.entries[userKey] != nil, let part = table.existing(place) else { return nil }
        let removed = part.pointee.entries.removeValue(forKey: userKey)
        let left = part.pointee.entries.count
        if left == 0 { dropEmpty(place) }
        if left < Part.entriesMin { shrink(key, parts) }
        return removed
    }

    // MARK: A whole map

    /// How many entries the map of `key` has. Reads all of it.
    @inlinable public func count(of key: Key) -> Int {
        var count = 0
        forEachPart(of: key) { count += $1.entries.count }
        return count
    }

    /// False when the map of `key` has an entry. Costs one look-up as a rule.
    @inlinable public func isEmpty(_ key: Key) -> Bool { table.get(MapPartKey(key, 0)) == nil }

    /// Calls `body` for every entry of the map of `key`, in no particular order. `body` must not change that map. Reads all of it, a
    /// few parts at a time.
    @inlinable public func forEach(of key: Key, _ body: (UserKey, Value) throws -> Void) rethrows {
        try forEachPart(of: key) { for (userKey, value) in $1.entries { try body(userKey, value) } }
    }

    /// All of the map of `key`, as a copy.
    @inlinable public subscript(key: Key) -> [UserKey: Value] {
        var all: [UserKey: Value] = [:]
        forEach(of: key) { all[$0] = $1 }
        return all
    }

    /// Removes the entries of `key` that `isOver` is true for. Reads all of the map; only parts with such entries change.
    @inlinable public func removeAll(of key: Key, where isOver: (UserKey, Value) throws -> Bool) rethrows {
        let parts = partCount(key)
        try forEachPart(of: key) { place, part in
            let left = try part.entries.filter { try !isOver($0.key, $0.value) }
            guard left.count < part.entries.count else { return }
            table.set(place, Part(parts: part.parts, entries: left))
            if left.isEmpty { dropEmpty(place) }
        }
        shrink(key, parts)
    }

    /// Forgets the map of `key`.
    @inlinable public func remove(_ key: Key) {
        forEachPart(of: key) { place, _ in table.remove(place) }
    }

    // MARK: Parts

    /// Of a map without entries, too: one.
    @inlinable func partCount(_ key: Key) -> UInt32 { table.get(MapPartKey(key, 0))?.parts ?? 1 }

    @inlinable func place(of userKey: UserKey, _ key: Key, parts: UInt32) -> MapPartKey<Key> {
        MapPartKey(key, parts == 1 ? 0 : LinearHashing.part(ofHash: userKey.stableHash, parts: parts))
    }

    /// Reads the parts of a map that are not in memory some at a time. `body` may change and remove the part it is given.
    @inlinable func forEachPart(of key: Key, _ body: (MapPartKey<Key>, Part) throws -> Void) rethrows {
        let parts = partCount(key)
        var places: [MapPartKey<Key>] = []
        for first in stride(from: 0, to: parts, by: 64) {
            places.removeAll(keepingCapacity: true)
            for part in first..<min(first + 64, parts) { places.append(MapPartKey(key, part)) }
            if table.canEvict { table.load(places) }
            for place in places { if let part = table.get(place) { try body(place, part) } }
        }
    }

    /// Adds a part, and moves the entries into it that are its own from now on.
    @inline(never)
    @inlinable func addPart(to key: Key, _ parts: UInt32) {
        let added = MapPartKey(key, parts)
        let origin = MapPartKey(key, LinearHashing.origin(of: parts))
        setPartCount(key, parts + 1)
        guard let part = table.existing(origin) else { return }
        let moved = part.pointee.entries.filter {
            LinearHashing.part(ofHash: $0.key.stableHash, parts: parts + 1) == added.part
        }
        guard !moved.isEmpty else { return }
        for userKey in moved.keys { part.pointee.entries[userKey] = nil }
        if part.pointee.entries.isEmpty { dropEmpty(origin) }
        table.set(added, Part(parts: 0, entries: moved))
    }

    /// Takes away parts at the end as long as what they hold fits well where it came from.
    @inline(never)
    @inlinable func shrink(_ key: Key, _ parts: UInt32) {
        var parts = parts
        while parts > 1 {
            let last = MapPartKey(key, parts - 1)
            if let moved = table.get(last)?.entries {
                let origin = MapPartKey(key, LinearHashing.origin(of: last.part))
                let count = moved.count + (table.get(origin)?.entries.count ?? 0)
                guard count <= Part.entriesMax / 2 else { break }
                table.pointer(for: origin) { Part(parts: 0) }.pointee.entries.merge(moved) { _, moved in moved }
                table.remove(last)
            }
            parts -= 1
        }
        setPartCount(key, parts)
    }

    /// Part 0 is there as long as the map has entries: it says how many parts there are.
    @inlinable func setPartCount(_ key: Key, _ parts: UInt32) {
        let first = MapPartKey(key, 0)
        guard let part = table.get(first) else { return }
        if parts == 1, part.entries.isEmpty {
            table.remove(first)
        } else if part.parts != parts {
            table.existing(first)?.pointee.parts = parts
        }
    }

    @inlinable func dropEmpty(_ place: MapPartKey<Key>) { if place.part > 0 { table.remove(place) } }
}
