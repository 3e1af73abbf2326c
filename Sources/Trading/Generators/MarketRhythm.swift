/// When the simulated market is busy, and which shares are halted: whether there is a tick at a position of a
/// `MarketFeedGenerator`. A pure function of the seed and the position, as the prices are, so that a feed restarted
/// anywhere goes on the same.
///
/// Positions pass at the rate of a burst. Between bursts only one round of all symbols in `burstFactor` is told, and
/// of a halted symbol none is; its price moves on silently, so that it opens elsewhere than it stopped, as a halted
/// share does.
public struct MarketRhythm: Sendable {
    /// How restless the market is. The default is an even flow.
    public struct Settings: Hashable, Sendable {
        public var seed: UInt64 = 1
        /// Ticks a second during a burst, over those between bursts.
        public var burstFactor: Int64 = 1
        /// How long a burst lasts, and how often there is one; when within that time is random.
        public var burstMillis: Int64 = 2_000
        public var burstEveryMillis: Int64 = 30_000
        /// The share of time a symbol is halted, and for how long at a time.
        public var haltMillionths: Int64 = 0
        public var haltMillis: Int64 = 20_000

        public init() {}
    }

    public let settings: Settings
    private let symbolsCount: Int64
    private let positionsPerSecond: Int64

    /// - Parameters:
    ///   - symbolsCount: of the feed; its symbols take turns.
    ///   - ticksPerSecond: between bursts.
    public init(_ settings: Settings, symbolsCount: Int, ticksPerSecond: Int64) {
        precondition(settings.burstFactor > 0 && settings.haltMillis > 0, "factors and times are above zero")
        precondition(settings.burstMillis > 0 && settings.burstMillis <= settings.burstEveryMillis, "a burst fits into its time")
        precondition(symbolsCount > 0 && ticksPerSecond > 0, "a feed has symbols and a rate")
        self.settings = settings
        self.symbolsCount = Int64(symbolsCount)
        positionsPerSecond = ticksPerSecond * settings.burstFactor
    }

    /// The rate the feed is to run through its positions with.
    public var positionsRate: Double { Double(positionsPerSecond) }

    /// Whether there is a tick at `position`. Cost: a few ns, 20 when bursts or halts are on.
    public func hasTick(at position: Int64) -> Bool {
        if settings.burstFactor == 1, settings.haltMillionths == 0 { return true }
        let (seconds, rest) = position.quotientAndRemainder(dividingBy: positionsPerSecond)
        let millis = seconds * 1_000 + rest * 1_000 / positionsPerSecond
        if isHalted(symbol: position % symbolsCount, atMillis: millis) { return false }
        return position / symbolsCount % settings.burstFactor == 0 || isBurst(atMillis: millis)
    }

    /// Whether the market is in a burst, `millis` after its start.
    public func isBurst(atMillis millis: Int64) -> Bool {
        let (window, within) = millis.quotientAndRemainder(dividingBy: settings.burstEveryMillis)
        let latest = settings.burstEveryMillis - settings.burstMillis
        let begins = random(0xB5, window, below: latest + 1)
        return within >= begins && within < begins + settings.burstMillis
    }

    /// Whether symbol number `symbol` is halted, `millis` after the market's start.
    public func isHalted(symbol: Int64, atMillis millis: Int64) -> Bool {
        settings.haltMillionths > 0
            && random(0x4A17 &+ UInt64(bitPattern: symbol), millis / settings.haltMillis, below: 1_000_000)
                < settings.haltMillionths
    }

    private func random(_ stream: UInt64, _ window: Int64, below bound: Int64) -> Int64 {
        var random = SplitMix64.at(window, seed: settings.seed ^ SplitMix64.mix(stream))
        return Int64(random.next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
