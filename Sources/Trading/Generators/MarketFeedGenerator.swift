/// A made-up market feed: the tick at every position is a pure function of the seed and the position, so that
/// a source restarted at position n goes on exactly as if it had never stopped.
///
/// A true random walk would have to be walked from its start. This one is instead a sum over octaves of
/// smooth noise: octave o has a random value at every 4^o-th tick of the symbol and is interpolated in
/// between; slow octaves move far, fast ones little, as a walk's parts do. Each octave multiplies the price
/// (so moves are relative, as in a geometric walk), and since every octave is bounded the price stays within
/// about ±45 % of the symbol's base price for ever. Whole-number arithmetic throughout: the same on every
/// machine.
public struct MarketFeedGenerator: Sendable {
    /// What is listed, and how fast it ticks.
    public struct Settings: Hashable, Sendable {
        public var seed: UInt64 = 1
        public var listings = Listing.standard
        /// Ticks a second over all symbols; sets how `timestampMillis(at:)` advances.
        public var ticksPerSecond: Int64 = 1_000
        /// When position 0 is, epoch milliseconds. Also the start of `seq`: see `firstSeq`.
        public var startMillis: Int64

        public init(startMillis: Int64) {
            self.startMillis = startMillis
        }

        /// `seq` of position 0: microseconds of the start. A feed started anew later begins above every `seq`
        /// of this one as long as it ticks less than a million times a second.
        public var firstSeq: Int64 { startMillis * 1_000 }
    }

    public let settings: Settings

    /// A feed over at least one listing.
    public init(_ settings: Settings) {
        precondition(!settings.listings.isEmpty, "a feed needs at least one listing")
        precondition(settings.ticksPerSecond > 0, "ticksPerSecond is \(settings.ticksPerSecond)")
        self.settings = settings
    }

    /// The tick at `sequence`, stamped `timestampMillis`. Symbols take turns. Cost: about 100 ns.
    public func tick(at sequence: Int64, timestampMillis: Int64) -> PriceTick {
        let count = Int64(settings.listings.count)
        let index = Int(sequence % count)
        let listing = settings.listings[index]
        return PriceTick(
            symbol: listing.symbol, price: price(of: index, step: sequence / count),
            seq: settings.firstSeq + sequence, timestampMillis: timestampMillis)
    }

    /// The tick at `sequence`, stamped by the configured start and rate.
    public func tick(at sequence: Int64) -> PriceTick {
        tick(at: sequence, timestampMillis: timestampMillis(at: sequence))
    }

    /// When the tick at `sequence` is due, epoch milliseconds.
    public func timestampMillis(at sequence: Int64) -> Int64 {
        let (seconds, rest) = sequence.quotientAndRemainder(dividingBy: settings.ticksPerSecond)
        return settings.startMillis + seconds * 1_000 + rest * 1_000 / settings.ticksPerSecond
    }

    /// Octave o has a knot every 4^o steps and moves the price by at most `octaveMillionths[o]`.
    private static let octaveMillionths: [Int64] = [150, 400, 1_000, 2_500, 6_000, 15_000, 35_000, 80_000, 200_000]

    /// The price of listing `index` at its `step`-th tick.
    public func price(of index: Int, step: Int64) -> Price {
        let base = settings.listings[index].basePrice.units
        var units = base
        for (octave, amplitude) in MarketFeedGenerator.octaveMillionths.enumerated() {
            let moved = (noise(index, octave: octave, step: step) * amplitude) >> MarketFeedGenerator.noiseBits
            units += units / 1_000_000 * moved + units % 1_000_000 * moved / 1_000_000
        }
        return Price(units: max(1, units))
    }

    private static let noiseBits: Int64 = 16

    /// Smooth noise between −2^16 and 2^16: random at the knots, straight lines in between.
    private func noise(_ index: Int, octave: Int, step: Int64) -> Int64 {
        let shift = Int64(octave * 2)
        let knot = step >> shift
        let within = step & ((1 << shift) - 1)
        let left = knotValue(index, octave, knot)
        let right = knotValue(index, octave, knot + 1)
        return left + (((right - left) * within) >> shift)
    }

    private func knotValue(_ index: Int, _ octave: Int, _ knot: Int64) -> Int64 {
        let stream = UInt64(index) << 8 | UInt64(octave)
        let mixed = SplitMix64.mix(settings.seed ^ SplitMix64.mix(stream &* 0xD6E8_FEB8_6659_FD93 &+ UInt64(bitPattern: knot)))
        return Int64(mixed >> 47) - (1 << MarketFeedGenerator.noiseBits)
    }
}

/// A share and what it costs on average.
public struct Listing: Hashable, Sendable {
    public let symbol: Symbol
    public let basePrice: Price

    public init(symbol: Symbol, basePrice: Price) {
        self.symbol = symbol
        self.basePrice = basePrice
    }

    /// Twelve well-known shares at round prices.
    public static let standard: [Listing] = [
        ("AAPL", 189), ("MSFT", 410), ("GOOG", 150), ("AMZN", 178), ("NVDA", 880), ("TSLA", 175), ("META", 500),
        ("BRK.B", 405), ("JPM", 195), ("V", 280), ("WMT", 60), ("KO", 61),
    ].map { name, whole in
        Listing(symbol: Symbol(unchecked: name), basePrice: Price(units: whole * FixedPoint.unitsPerWhole))
    }
}
