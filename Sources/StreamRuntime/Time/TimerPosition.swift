/// Where a timer stands among the timers of its key group: by time, then by the bytes of its key. The same order as
/// that of the encoded `TimerKey`s in a sorted store.
@usableFromInline struct TimerPosition<Key: StreamKey> {
    @usableFromInline let millis: Int64
    /// The first eight bytes of the encoded key, big-endian, zero-padded: most comparisons end here.
    @usableFromInline let prefix: UInt64
    @usableFromInline let key: Key

    /// `scratch` is overwritten.
    @inlinable init(millis: Int64, key: Key, scratch: inout ByteWriter) {
        self.millis = millis
        self.key = key
        scratch.removeAll()
        key.encode(into: &scratch)
        prefix = scratch.withBytes { bytes in
            if bytes.count >= 8 { return UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) }
            var prefix: UInt64 = 0
            for index in 0..<bytes.count { prefix |= UInt64(bytes[index]) << UInt64(56 - 8 * index) }
            return prefix
        }
    }

    @inlinable init(_ timer: TimerKey<Key>, scratch: inout ByteWriter) {
        self.init(millis: timer.millis, key: timer.key, scratch: &scratch)
    }

    @inlinable var timer: TimerKey<Key> { TimerKey(millis: millis, key: key) }
}

extension TimerPosition: Comparable {
    @inlinable static func == (a: Self, b: Self) -> Bool { a.millis == b.millis && a.prefix == b.prefix && a.key == b.key }

    @inlinable static func < (a: Self, b: Self) -> Bool {
        if a.millis != b.millis { return a.millis < b.millis }
        if a.prefix != b.prefix { return a.prefix < b.prefix }
        return a.key != b.key && precedesInFull(a.key, b.key)
    }

    /// Keys that agree in their first eight bytes.
    @usableFromInline static func precedesInFull(_ a: Key, _ b: Key) -> Bool {
        var left = ByteWriter()
        var right = ByteWriter()
        a.encode(into: &left)
        b.encode(into: &right)
        return left.withBytes { left in right.withBytes { left.lexicographicallyPrecedes($0) } }
    }
}
