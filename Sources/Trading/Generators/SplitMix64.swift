/// The SplitMix64 generator: small, fast, the same sequence everywhere for the same seed. Not for secrets.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator whose sequence is a function of `seed`.
    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SplitMix64.mix(state)
    }

    /// The generator's output function: spreads every bit of `value` over all bits of the result.
    public static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The generator of element `position` of the sequence `seed` names: any position is reached at once.
    public static func at(_ position: Int64, seed: UInt64) -> SplitMix64 {
        SplitMix64(seed: mix(seed ^ mix(UInt64(bitPattern: position) &+ 0x9E37_79B9_7F4A_7C15)))
    }
}
