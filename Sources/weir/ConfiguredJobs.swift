import Jobs
import StreamRuntime
import Trading
import WeirKit

// How each trading job is made from settings.

extension TradeExecutionJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        var policy = ExecutionPolicy(symbols: Set(try resources.symbols()))
        policy.priceAgeMillisMax = Int64(configuration[TradingSettings.priceAgeMax])
        policy.priceWaitMillis = Int64(configuration[TradingSettings.priceWait])
        self.init(
            transport: try resources.transport(), portfolios: try resources.portfolios(), prices: try resources.prices(),
            policy: policy,
            async: AsyncOptions(capacity: configuration[TradingSettings.inFlightMax], timeoutMillis: 10_000),
            clock: environment.clock)
    }
}

extension PriceCacheJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        self.init(transport: try resources.transport(), prices: try resources.prices())
    }
}

extension MarketFeedJob: ConfiguredJob {
    /// Numbers, not clocks, decide what is simulated: a restart goes on with the same walk.
    static let epochMillis: Int64 = 1_700_000_000_000

    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        var settings = MarketFeedGenerator.Settings(startMillis: Self.epochMillis)
        settings.seed = UInt64(configuration[TradingSettings.seed])
        settings.listings = try resources.listings()
        let generator = MarketFeedGenerator(settings)
        let clock = environment.clock
        self.init(
            transport: try resources.transport(), ticksPerSecond: Double(configuration[TradingSettings.ticksPerSecond])
        ) { generator.tick(at: $0, timestampMillis: clock.wallMillis()) }
    }
}

extension OrderFeedJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        var settings = OrderGenerator.Settings(startMillis: MarketFeedJob.epochMillis)
        settings.seed = UInt64(configuration[TradingSettings.seed])
        settings.listings = try resources.listings()
        settings.usersCount = Int64(configuration[TradingSettings.users])
        settings.limitMillionths = Int64(configuration[TradingSettings.limitShare]) * 10_000
        settings.invalidMillionths = Int64(configuration[TradingSettings.invalidShare]) * 10_000
        settings.duplicateMillionths = Int64(configuration[TradingSettings.duplicateShare]) * 10_000
        let generator = OrderGenerator(settings)
        self.init(
            transport: try resources.transport(), ordersPerSecond: Double(configuration[TradingSettings.ordersPerSecond]),
            limit: configuration[TradingSettings.ordersMax].map(Int64.init)
        ) { generator.order(at: $0) }
    }
}

extension CopyJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        guard let from = configuration[TradingSettings.copyFrom], let to = configuration[TradingSettings.copyTo] else {
            throw ConfigurationRefusal(["copy needs both topics: --set copy.from=TOPIC --set copy.to=TOPIC"])
        }
        let resources = TradingResources(configuration: configuration, environment: environment)
        self.init(transport: try resources.transport(), from: from, to: to)
    }
}
