/// Lists in keyed state, one for each key and slot (a bucket of time, a window, …), that grow by chunks: a record appended
/// costs the next checkpoint one chunk, however long its list is, so that a hot key is not written whole again and again.
/// Owned by the task thread.
///
/// L1. Chunks are numbered from 0 without gaps; all but the last are full. Chunk 0 knows the number of the last.
/// L2. A list that is not empty has a chunk 0 that is not empty: what is removed is the whole list.
@usableFromInline struct ChunkedLists<Key: StreamKey, Element: StateCodable> {
    @usableFromInline let table: StateTable<ChunkKey<Key>, ListChunk<Element>>

    @inlinable static var chunkElements: Int { 64 }

    @inlinable init(_ name: String, _ context: KeyedStateContext<Key>) throws {
        table = try context.state.table(name, .list, ChunkKey<Key>.self, ListChunk<Element>.self)
    }

    /// True when this began the list.
    @inlinable func append(_ element: Element, to key: Key, _ slot: Int64) -> Bool {
        guard let last = lastChunk(key, slot) else {
            table.set(ChunkKey(key, slot, 0), ListChunk(element))
            return true
        }
        let place = table.pointer(for: ChunkKey(key, slot, last), initial: { ListChunk() })
        guard place.pointee.elements.count >= Self.chunkElements else {
            place.pointee.elements.append(element)
            return false
        }
        table.set(ChunkKey(key, slot, last + 1), ListChunk(element))
        table.pointer(for: ChunkKey(key, slot, 0), initial: { ListChunk() }).pointee.last = last + 1
        return false
    }

    /// In the order in which they were appended. `body` must not touch these lists.
    @inlinable func forEach(_ key: Key, _ slot: Int64, _ body: (Element) throws -> Void) rethrows {
        guard let last = lastChunk(key, slot) else { return }
        for number in 0...last {
            guard let chunk = table.get(ChunkKey(key, slot, number)) else { continue }
            for element in chunk.elements { try body(element) }
        }
    }

    /// Changes the elements that `isMeant` says; chunks without any stay clean.
    @inlinable func change(
        _ key: Key, _ slot: Int64, where isMeant: (Element) -> Bool, _ change: (inout Element) -> Void
    ) {
        guard let last = lastChunk(key, slot) else { return }
        for number in 0...last {
            let chunkKey = ChunkKey(key, slot, number)
            guard table.get(chunkKey)?.elements.contains(where: isMeant) == true else { continue }
            let chunk = table.pointer(for: chunkKey, initial: { ListChunk() })
            for index in chunk.pointee.elements.indices where isMeant(chunk.pointee.elements[index]) {
                change(&chunk.pointee.elements[index])
            }
        }
    }

    @inlinable func remove(_ key: Key, _ slot: Int64) {
        guard let last = lastChunk(key, slot) else { return }
        for number in 0...last { table.remove(ChunkKey(key, slot, number)) }
    }

    /// Does not count as a change, nor as a copy.
    @inlinable func lastChunk(_ key: Key, _ slot: Int64) -> UInt32? {
        table.lookup(ChunkKey(key, slot, 0)).map { StateTable<ChunkKey<Key>, ListChunk<Element>>.value($0).pointee.last }
    }
}

/// A chunk of one list of a key, as a state key: it lives in the key group of its record key.
@usableFromInline struct ChunkKey<Key: StreamKey>: StreamKey {
    @usableFromInline var key: Key
    @usableFromInline var slot: Int64
    @usableFromInline var number: UInt32

    @usableFromInline static var stateSchema: String { "chunk1:\(Key.stateSchema)" }
    @inlinable var stableHash: UInt64 { key.stableHash }
    @inlinable func tableHash(seed: UInt64) -> UInt64 {
        key.tableHash(seed: seed) ^ slot.tableHash(seed: seed &+ 3 &+ UInt64(number))
    }

    @inlinable init(_ key: Key, _ slot: Int64, _ number: UInt32) {
        self.key = key
        self.slot = slot
        self.number = number
    }

    /// The chunks of a key lie together, in the order of their slots.
    @inlinable func encode(into writer: inout ByteWriter) {
        key.encode(into: &writer)
        writer.integer((UInt64(bitPattern: slot) ^ (1 << 63)).bigEndian)
        writer.integer(number.bigEndian)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        key = try Key(from: &reader)
        slot = Int64(bitPattern: UInt64(bigEndian: try reader.integer()) ^ (1 << 63))
        number = UInt32(bigEndian: try reader.integer())
    }
}

@usableFromInline struct ListChunk<Element: StateCodable>: StateCodable {
    /// In chunk 0: the number of the list's last chunk.
    @usableFromInline var last: UInt32 = 0
    @usableFromInline var elements: [Element]

    @usableFromInline static var stateSchema: String { "list-chunk1(\(Element.stateSchema))" }

    @inlinable init() { elements = [] }
    @inlinable init(_ element: Element) { elements = [element] }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.integer(last)
        elements.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        last = try reader.integer()
        elements = try [Element](from: &reader)
    }
}
