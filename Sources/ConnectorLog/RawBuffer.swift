/// Growable bytes outside Swift's heap accounting, reused from frame to frame.
///
/// Little-endian integers are stored and loaded unaligned.
final class RawBuffer: @unchecked Sendable {
    // Owned by one thread at a time: the writer that fills it, then (handed over under the session's
    // lock) the committing thread, then (through the pool, again under that lock) another writer.

    // Run-time exclusivity checks would be half the cost of writing a record; every access here is a
    // load or a store of one word by the one owner, and none encloses another.
    @exclusivity(unchecked) private(set) var base: UnsafeMutableRawPointer
    @exclusivity(unchecked) private(set) var capacity: Int
    @exclusivity(unchecked) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    func reserve(_ additional: Int) {
        let needed = count + additional
        if needed <= capacity { return }
        let wanted = max(needed, capacity * 2)
        let moved = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
        capacity = wanted
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        (base + count).copyMemory(from: from, byteCount: bytes.count)
        count += bytes.count
    }

    func append<Word: FixedWidthInteger>(_ word: Word) {
        reserve(MemoryLayout<Word>.size)
        (base + count).storeBytes(of: word.littleEndian, as: Word.self)
        count += MemoryLayout<Word>.size
    }
}

extension UnsafeRawPointer {
    /// The little-endian integer at `offset`, at any alignment.
    func word<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as: Word.Type) -> Word {
        Word(littleEndian: loadUnaligned(fromByteOffset: offset, as: Word.self))
    }
}
