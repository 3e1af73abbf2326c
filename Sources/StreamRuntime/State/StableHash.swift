/// XXH64, by the xxHash specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
///
/// Used as the *stable* hash of keys (part of the checkpoint format: seed 0, golden tests) and as the
/// checksum of state files. About 2 ns for 8 bytes.
public enum XXH64 {
    @usableFromInline static var p1: UInt64 { 0x9E37_79B1_85EB_CA87 }
    @usableFromInline static var p2: UInt64 { 0xC2B2_AE3D_27D4_EB4F }
    @usableFromInline static var p3: UInt64 { 0x1656_67B1_9E37_79F9 }
    @usableFromInline static var p4: UInt64 { 0x85EB_CA77_C2B2_AE63 }
    @usableFromInline static var p5: UInt64 { 0x27D4_EB2F_1656_67C5 }

    @inlinable static func rotl(_ x: UInt64, _ r: UInt64) -> UInt64 { (x &<< r) | (x &>> (64 &- r)) }

    @inlinable static func round(_ acc: UInt64, _ lane: UInt64) -> UInt64 {
        rotl(acc &+ lane &* 0xC2B2_AE3D_27D4_EB4F, 31) &* 0x9E37_79B1_85EB_CA87
    }

    @inlinable static func merge(_ acc: UInt64, _ lane: UInt64) -> UInt64 {
        (acc ^ round(0, lane)) &* 0x9E37_79B1_85EB_CA87 &+ 0x85EB_CA77_C2B2_AE63
    }

    @inlinable static func avalanche(_ value: UInt64) -> UInt64 {
        var h = value
        h ^= h &>> 33
        h = h &* 0xC2B2_AE3D_27D4_EB4F
        h ^= h &>> 29
        h = h &* 0x1656_67B1_9E37_79F9
        h ^= h &>> 32
        return h
    }

    /// The hash of the eight little-endian bytes of `value`, the same as `hash` of those bytes.
    @inlinable public static func hash(_ value: UInt64, seed: UInt64 = 0) -> UInt64 {
        var h = seed &+ 0x27D4_EB2F_1656_67C5 &+ 8
        h ^= round(0, value)
        h = rotl(h, 27) &* 0x9E37_79B1_85EB_CA87 &+ 0x85EB_CA77_C2B2_AE63
        return avalanche(h)
    }

    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var at = 0
        let count = bytes.count
        var h: UInt64
        if count >= 32 {
            var v1 = seed &+ p1 &+ p2
            var v2 = seed &+ p2
            var v3 = seed
            var v4 = seed &- p1
            while at &+ 32 <= count {
                v1 = round(v1, word(bytes, at))
                v2 = round(v2, word(bytes, at &+ 8))
                v3 = round(v3, word(bytes, at &+ 16))
                v4 = round(v4, word(bytes, at &+ 24))
                at &+= 32
            }
            h = rotl(v1, 1) &+ rotl(v2, 7) &+ rotl(v3, 12) &+ rotl(v4, 18)
            h = merge(h, v1)
            h = merge(h, v2)
            h = merge(h, v3)
            h = merge(h, v4)
        } else {
            h = seed &+ p5
        }
        return finishTail(h &+ UInt64(count), bytes, from: at)
    }

    /// The last step of the specification: the bytes from `start` on, fewer than 32.
    static func finishTail(_ hash: UInt64, _ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64 {
        var h = hash
        var at = start
        let count = bytes.count
        while at &+ 8 <= count {
            h = rotl(h ^ round(0, word(bytes, at)), 27) &* p1 &+ p4
            at &+= 8
        }
        if at &+ 4 <= count {
            let lane = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            h = rotl(h ^ (lane &* p1), 23) &* p2 &+ p3
            at &+= 4
        }
        while at < count {
            h = rotl(h ^ (UInt64(bytes[at]) &* p5), 11) &* p1
            at &+= 1
        }
        return avalanche(h)
    }

    static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
}

/// Where keys go. Key → XXH64 of its canonical bytes → key group → subtask; stable across versions
/// and machines, because checkpoints are cut along key groups.
public struct KeyGroups: Sendable, Equatable {
    /// The number of key groups: the highest parallelism the job can ever have.
    public let count: Int

    public static let defaultCount = 128
    public static let countMax = 32_768

    public init(count: Int = KeyGroups.defaultCount) {
        precondition(count > 0 && count <= Self.countMax, "key groups must be in 1...\(Self.countMax), got \(count)")
        self.count = count
    }

    /// The upper bits of the hash decide (the high word of hash × count), so that tables may use the lower ones.
    @inlinable public func group(ofHash hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: count)).high)
    }

    /// The subtask that owns `group` at `parallelism`.
    public func subtask(of group: Int, parallelism: Int) -> Int { group * parallelism / count }

    /// The groups that `subtask` owns: contiguous, together covering all, sizes differing by at most one.
    public func range(of subtask: Int, parallelism: Int) -> Range<Int> {
        let start = (subtask * count + parallelism - 1) / parallelism
        let end = ((subtask + 1) * count + parallelism - 1) / parallelism
        return start..<end
    }
}
