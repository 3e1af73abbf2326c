/// Which part of a map an entry is in, when the map grows and shrinks by one part at a time: linear hashing (W. Litwin, "Linear
/// hashing: a new tool for file and table addressing", VLDB 1980).
@usableFromInline package enum LinearHashing {
    /// The part of a hash in a map of `parts` parts (at least one).
    @inlinable package static func part(ofHash hash: UInt64, parts: UInt32) -> UInt32 {
        let mask = (UInt32(1) << (32 - (parts &- 1).leadingZeroBitCount)) &- 1
        let part = UInt32(truncatingIfNeeded: hash) & mask
        return part < parts ? part : part & (mask >> 1)
    }

    /// The part whose entries the part numbered `part` (at least one) is given some of when it is added, and gives its own
    /// to when it is taken away.
    @inlinable package static func origin(of part: UInt32) -> UInt32 { part & ~(UInt32(1) << (31 - part.leadingZeroBitCount)) }
}
