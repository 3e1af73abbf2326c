import StreamRuntime

/// Walks the committed frames of one segment at a time through one reused buffer: large sequential
/// reads, every checksum checked. Owned by one thread.
final class FrameReader {
    private let chunkBytes: Int
    private var buffer: RawBuffer
    /// Where the buffer's first byte lies in the file.
    private var bufferStart: Int64 = 0
    /// The byte of the next frame in the file.
    private(set) var position: Int64 = 0
    private var file: LogFile?

    /// The frame that `next` found.
    private(set) var header = FrameHeader(
        bodyBytes: 0, baseOffset: 0, recordCount: 0, timestampMillisMax: 0, bodyChecksum: 0)
    /// Its records; valid until the next call.
    private(set) var body = UnsafeRawBufferPointer(start: nil, count: 0)

    init(bufferBytes: Int) {
        chunkBytes = max(bufferBytes, 4096)
        buffer = RawBuffer(capacity: chunkBytes)
    }

    func open(_ file: LogFile, at position: Int64) {
        self.file = file
        self.position = position
        bufferStart = position
        buffer.count = 0
    }

    /// Moves to the next frame; false at `committedBytes`, the end of the segment's committed part.
    /// `expectedOffset`: of the frame's first record; `nil` to take any.
    func next(committedBytes: Int64, expectedOffset: Int64?) throws -> Bool {
        guard position < committedBytes, let file else { return false }
        let headerAt = try ensure(FrameHeader.byteCount, committedBytes, file)
        guard let header = FrameHeader(reading: UnsafeRawPointer(buffer.base + headerAt)) else {
            throw damage(file, "the head of a frame is wrong")
        }
        let at = try ensure(header.frameBytes, committedBytes, file)
        if let expectedOffset, header.baseOffset != expectedOffset {
            throw damage(file, "a frame begins with offset \(header.baseOffset) where \(expectedOffset) belongs")
        }
        let body = UnsafeRawBufferPointer(start: buffer.base + at + FrameHeader.byteCount, count: header.bodyBytes)
        guard XXH64.hash(body) == header.bodyChecksum else {
            throw damage(file, "the checksum of the records from offset \(header.baseOffset) does not hold")
        }
        self.header = header
        self.body = body
        position += Int64(header.frameBytes)
        return true
    }

    /// Moves past frames, by their heads alone, to the first for which `isWanted` holds: `next` returns that one.
    func skip(committedBytes: Int64, until isWanted: (FrameHeader) -> Bool) throws {
        guard let file else { return }
        let head = RawBuffer(capacity: FrameHeader.byteCount)
        var at = position
        while at < committedBytes {
            let target = UnsafeMutableRawBufferPointer(start: head.base, count: FrameHeader.byteCount)
            let count = try file.read(into: target, at: at)
            guard count == FrameHeader.byteCount, let header = FrameHeader(reading: UnsafeRawPointer(head.base)) else {
                throw LogCorruption(file: file.path, byte: at, problem: "the head of a frame is wrong")
            }
            if isWanted(header) { break }
            at += Int64(header.frameBytes)
        }
        open(file, at: at)
    }

    /// Makes `count` bytes from `position` on lie in the buffer; returns where.
    private func ensure(_ count: Int, _ committedBytes: Int64, _ file: LogFile) throws -> Int {
        let at = Int(position - bufferStart)
        if at + count <= buffer.count { return at }
        guard position + Int64(count) <= committedBytes else {
            throw damage(file, "a frame reaches past the committed \(committedBytes) bytes")
        }
        let wanted = Int(min(Int64(max(count, chunkBytes)), committedBytes - position))
        // What is left of the last chunk moves to the front; the rest is read behind it.
        let kept = max(0, buffer.count - at)
        if kept > 0 { buffer.base.copyMemory(from: buffer.base + at, byteCount: kept) }
        buffer.count = kept
        buffer.reserve(wanted - kept)
        let target = UnsafeMutableRawBufferPointer(start: buffer.base + kept, count: wanted - kept)
        let read = try file.read(into: target, at: position + Int64(kept))
        buffer.count = kept + read
        bufferStart = position
        guard buffer.count >= count else {
            throw LogCorruption(
                file: file.path, byte: position + Int64(buffer.count),
                problem: "the segment ends there, but \(committedBytes) bytes are committed")
        }
        return 0
    }

    private func damage(_ file: LogFile, _ problem: String) -> LogCorruption {
        LogCorruption(file: file.path, byte: position, problem: problem)
    }
}
