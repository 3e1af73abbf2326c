import StreamRuntime

/// The journal's bytes.
///
/// A file is entries back to back, the first one holding a snapshot. An entry holds the records of one
/// round of commits: it is written at once and synced before the next one, so whatever follows an
/// entry proves that it was whole. All integers little-endian:
/// ```
///  0  u32  magic "WLJ1"     8  u64  number, one more than the entry before     24  u64  XXH64 of 0..<24
///  4  u32  body bytes      16  u64  XXH64 of the body                          32  body: u32 count, records,
/// ```
/// and eight bytes of ones that end the body, so that no part of a whole entry is a sector of zeros.
enum JournalCodec {
    static let magic: UInt32 = 0x314A_4C57  // "WLJ1"
    static let headerBytes = 32
    static let sectorBytes = 512
    /// Far more than any has, and few enough that the bytes of all segments can be added up.
    static let segmentBytesMax: Int64 = 1 << 40
    static let endMark = UInt64.max

    static func encode(_ records: [JournalRecord], number: UInt64) -> [UInt8] {
        var body = ByteWriter()
        body.put(UInt32(records.count))
        for record in records { put(record, into: &body) }
        body.put(endMark)
        var entry = ByteWriter()
        entry.put(magic)
        entry.put(UInt32(body.bytes.count))
        entry.put(number)
        entry.put(body.bytes.withUnsafeBytes { XXH64.hash($0) })
        entry.put(entry.bytes.withUnsafeBytes { XXH64.hash($0) })
        return entry.bytes + body.bytes
    }

    /// What lies at one place of a journal.
    enum Entry {
        case whole([JournalRecord], number: UInt64, byteCount: Int)
        /// The end of the bytes falls inside the entry, or a sector of it was never written.
        case torn
        case damaged(String)
    }

    /// The entry at `start`; `bytes` must be longer than that. `expected`: the number it must have, if known.
    static func entry(in bytes: UnsafeRawBufferPointer, at start: Int, expected: UInt64?) -> Entry {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        guard rest.count >= headerBytes, let base = UnsafeRawPointer(rest.baseAddress) else { return .torn }
        let headerChecksum = XXH64.hash(UnsafeRawBufferPointer(rebasing: rest[0..<24]))
        guard base.word(0, as: UInt32.self) == magic, base.word(24, as: UInt64.self) == headerChecksum else {
            let isTorn = hasUnwrittenSector(bytes, start..<(start + headerBytes))
            return isTorn ? .torn : .damaged("the head of a journal entry is wrong")
        }
        let bodyBytes = Int(base.word(4, as: UInt32.self))
        let number = base.word(8, as: UInt64.self)
        guard rest.count >= headerBytes + bodyBytes else { return .torn }
        let body = UnsafeRawBufferPointer(rebasing: rest[headerBytes..<(headerBytes + bodyBytes)])
        guard XXH64.hash(body) == base.word(16, as: UInt64.self) else {
            let isTorn = hasUnwrittenSector(bytes, start..<(start + headerBytes + bodyBytes))
            return isTorn ? .torn : .damaged("the checksum of a journal entry does not hold")
        }
        guard number < .max else { return .damaged("a journal entry has the last number there is") }
        if let expected, number != expected {
            return .damaged("a journal entry has number \(number) where \(expected) belongs")
        }
        do {
            return .whole(try decode(body), number: number, byteCount: headerBytes + bodyBytes)
        } catch {
            return .damaged("a journal entry does not decode: \(error)")
        }
    }

    /// A sector that is all zero was never written: the mark of a write cut off by a power loss. (etcd's
    /// write-ahead log tells a torn tail from damage by the same sign.)
    private static func hasUnwrittenSector(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var at = range.lowerBound
        while at < range.upperBound {
            let end = min(range.upperBound, (at / sectorBytes + 1) * sectorBytes)
            if bytes[at..<end].allSatisfy({ $0 == 0 }) { return true }
            at = end
        }
        return false
    }

    /// Whether a whole entry begins anywhere after `start`: then what is at `start` was whole once.
    static func hasWholeEntry(in bytes: UnsafeRawBufferPointer, after start: Int) -> Bool {
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return false }
        var at = start + 1
        while at + headerBytes <= bytes.count {
            if base.word(at, as: UInt32.self) == magic, case .whole = entry(in: bytes, at: at, expected: nil) {
                return true
            }
            at += 1
        }
        return false
    }

    // MARK: records

    private enum Kind { static let snapshot: UInt8 = 1, claim: UInt8 = 2, commit: UInt8 = 3, trim: UInt8 = 4 }

    private static func put(_ record: JournalRecord, into body: inout ByteWriter) {
        switch record {
        case .snapshot(let state):
            body.put(Kind.snapshot)
            put(state, into: &body)
        case .claim(let owner, let attempt):
            body.put(Kind.claim)
            put(owner, into: &body)
            body.put(text: attempt)
        case .commit(let commit):
            body.put(Kind.commit)
            body.put(UInt8(commit.decided == nil ? 0 : 1))
            if let decided = commit.decided {
                put(decided.owner, into: &body)
                body.put(text: decided.attempt)
                body.put(decided.epoch)
                body.put(blob: decided.decision)
            }
            body.put(UInt32(commit.growth.count))
            for growth in commit.growth {
                put(growth.partition, into: &body)
                body.put(growth.end)
                put(growth.segments, into: &body)
            }
        case .trim(let partition, let start):
            body.put(Kind.trim)
            put(partition, into: &body)
            body.put(start)
        }
    }

    private static func put(_ state: LogState, into body: inout ByteWriter) {
        body.put(UInt32(state.partitions.count))
        for (id, extent) in state.partitions.sorted(by: { $0.key < $1.key }) {
            put(id, into: &body)
            body.put(extent.start)
            body.put(extent.end)
            put(extent.segments, into: &body)
            body.put(UInt8(extent.lastCommit == nil ? 0 : 1))
            if let last = extent.lastCommit {
                body.put(last.segmentBase)
                body.put(last.byte)
                body.put(last.offset)
            }
        }
        body.put(UInt32(state.owners.count))
        for (owner, known) in state.owners.sorted(by: { $0.key.description < $1.key.description }) {
            put(owner, into: &body)
            body.put(text: known.attempt)
            body.put(UInt8(known.decision == nil ? 0 : 1))
            if let decision = known.decision, let epoch = known.epoch {
                body.put(epoch)
                body.put(blob: decision)
            }
        }
    }

    private static func put(_ owner: LogOwner, into body: inout ByteWriter) {
        body.put(text: owner.job.rawValue)
        body.put(UInt32(owner.island))
    }

    private static func put(_ id: LogTopicPartition, into body: inout ByteWriter) {
        body.put(text: id.topic)
        body.put(id.partition)
    }

    private static func put(_ segments: [SegmentExtent], into body: inout ByteWriter) {
        body.put(UInt32(segments.count))
        for segment in segments {
            body.put(segment.base)
            body.put(segment.bytes)
            body.put(segment.timestampMillisMax)
        }
    }

    private static func decode(_ body: UnsafeRawBufferPointer) throws -> [JournalRecord] {
        var reader = ByteReader(body)
        let count = try reader.take(UInt32.self)
        var records: [JournalRecord] = []
        for _ in 0..<count { records.append(try record(&reader)) }
        guard try reader.take(UInt64.self) == endMark, reader.isAtEnd else {
            throw ByteReader.Malformed(problem: "bytes left over")
        }
        return records
    }

    private static func record(_ reader: inout ByteReader) throws -> JournalRecord {
        switch try reader.take(UInt8.self) {
        case Kind.snapshot: return .snapshot(try state(&reader))
        case Kind.claim: return .claim(owner: try owner(&reader), attempt: try reader.takeText())
        case Kind.commit:
            var decided: CommitRecord.Decided?
            if try reader.take(UInt8.self) == 1 {
                decided = .init(
                    owner: try owner(&reader), attempt: try reader.takeText(), epoch: try reader.take(UInt64.self),
                    decision: try reader.takeBlob())
            }
            var growth: [CommitRecord.Growth] = []
            for _ in 0..<(try reader.take(UInt32.self)) {
                growth.append(
                    .init(
                        partition: try partition(&reader), end: try reader.take(Int64.self),
                        segments: try segments(&reader)))
            }
            return .commit(CommitRecord(decided: decided, growth: growth))
        case Kind.trim: return .trim(try partition(&reader), start: try reader.take(Int64.self))
        case let kind: throw ByteReader.Malformed(problem: "record kind \(kind) is unknown to this version")
        }
    }

    private static func state(_ reader: inout ByteReader) throws -> LogState {
        var state = LogState()
        for _ in 0..<(try reader.take(UInt32.self)) {
            let id = try partition(&reader)
            var extent = PartitionExtent()
            extent.start = try reader.take(Int64.self)
            extent.end = try reader.take(Int64.self)
            extent.segments = try segments(&reader)
            guard 0 <= extent.start, extent.start <= extent.end else {
                throw ByteReader.Malformed(problem: "\(id) is said to hold offsets \(extent.start) to \(extent.end)")
            }
            if try reader.take(UInt8.self) == 1 {
                extent.lastCommit = .init(
                    segmentBase: try reader.take(Int64.self), byte: try reader.take(Int64.self),
                    offset: try reader.take(Int64.self))
            }
            state.partitions[id] = extent
        }
        for _ in 0..<(try reader.take(UInt32.self)) {
            let owner = try owner(&reader)
            var known = OwnerState(attempt: try reader.takeText())
            if try reader.take(UInt8.self) == 1 {
                known.epoch = try reader.take(UInt64.self)
                known.decision = try reader.takeBlob()
            }
            state.owners[owner] = known
        }
        return state
    }

    private static func owner(_ reader: inout ByteReader) throws -> LogOwner {
        let text = try reader.takeText()
        guard let job = JobID(text) else { throw ByteReader.Malformed(problem: "'\(text)' is no job id") }
        return LogOwner(job: job, island: Int(try reader.take(UInt32.self)))
    }

    private static func partition(_ reader: inout ByteReader) throws -> LogTopicPartition {
        LogTopicPartition(topic: try reader.takeText(), partition: try reader.take(Int32.self))
    }

    private static func segments(_ reader: inout ByteReader) throws -> [SegmentExtent] {
        var segments: [SegmentExtent] = []
        for _ in 0..<(try reader.take(UInt32.self)) {
            let segment = SegmentExtent(
                base: try reader.take(Int64.self), bytes: try reader.take(Int64.self),
                timestampMillisMax: try reader.take(Int64.self))
            guard segment.base >= 0, (0...segmentBytesMax).contains(segment.bytes) else {
                throw ByteReader.Malformed(
                    problem: "a segment is said to begin at \(segment.base) and have \(segment.bytes) bytes")
            }
            segments.append(segment)
        }
        return segments
    }
}
