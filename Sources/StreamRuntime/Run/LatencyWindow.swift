/// How durations of the last minute or two were distributed. Counts in buckets that are 16 to a power of two of
/// microseconds, as HdrHistogram has them (http://hdrhistogram.org): a quantile is too high by 6 % at most. Pure.
struct LatencyWindow {
    static let periodNanos: Int64 = 60_000_000_000
    private static let stepBits = 4
    /// Up to 2^36 µs: 19 hours.
    private static let bucketCount = (36 - stepBits + 1) << stepBits

    private var current = [UInt32](repeating: 0, count: bucketCount)
    private var previous = [UInt32](repeating: 0, count: bucketCount)
    private var beganNanos = Int64.min
    private(set) var sumSeconds = 0.0
    private(set) var count = 0

    /// What is no number is left out.
    mutating func observe(seconds: Double, at nanos: Int64) {
        guard !seconds.isNaN else { return }
        rotate(nanos)
        current[Self.bucket(micros: seconds * 1e6)] &+= 1
        sumSeconds += seconds
        count += 1
    }

    private mutating func rotate(_ nanos: Int64) {
        guard beganNanos != .min else { return beganNanos = nanos }
        guard nanos - beganNanos >= Self.periodNanos else { return }
        let isRecent = nanos - beganNanos < 2 * Self.periodNanos
        previous = isRecent ? current : [UInt32](repeating: 0, count: Self.bucketCount)
        current = [UInt32](repeating: 0, count: Self.bucketCount)
        beganNanos = nanos
    }

    /// In seconds; NaN when nothing was observed lately.
    mutating func quantiles(_ quantiles: [Double], at nanos: Int64) -> [Double] {
        if beganNanos != .min { rotate(nanos) }
        let counts = zip(current, previous).map { Int($0) + Int($1) }
        let total = counts.reduce(0, +)
        guard total > 0 else { return quantiles.map { _ in .nan } }
        return quantiles.map { quantile in
            var rank = max(1, Int((quantile * Double(total)).rounded(.up)))
            for (bucket, count) in counts.enumerated() {
                rank -= count
                if rank <= 0 { return Double(Self.upperMicros(of: bucket)) / 1e6 }
            }
            return .nan
        }
    }

    private static func bucket(micros: Double) -> Int {
        let value = Int(min(max(micros, 0), 0x1p36 - 1))
        let exponent = max(stepBits, Int.bitWidth - 1 - value.leadingZeroBitCount)
        guard value >> stepBits > 0 else { return value }
        let step = (value >> (exponent - stepBits)) & ((1 << stepBits) - 1)
        return ((exponent - stepBits + 1) << stepBits) + step
    }

    private static func upperMicros(of bucket: Int) -> Int {
        guard bucket >> stepBits > 0 else { return bucket + 1 }
        let shift = (bucket >> stepBits) - 1
        return ((1 << stepBits) + (bucket & ((1 << stepBits) - 1)) + 1) << shift
    }
}
