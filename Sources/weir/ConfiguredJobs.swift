import Jobs
import StreamRuntime
import Trading
import WeirKit

// How each trading job is made from settings.

extension Configuration {
    /// A job's consumer group: its name, in another namespace than the default one a group of that namespace. The
    /// offsets committed to a group belong to one job.
    func consumerGroup(of jobName: String) -> String {
        let namespace = self[StandardSettings.namespace]
        return namespace == StandardSettings.defaultNamespace ? jobName : "\(namespace).\(jobName)"
    }
}

extension TradeExecutionJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        var policy = ExecutionPolicy(symbols: Set(try resources.symbols()))
        policy.priceAgeMillisMax = Int64(configuration[TradingSettings.priceAgeMax])
        policy.priceWaitMillis = Int64(configuration[TradingSettings.priceWait])
        policy.ledgerMillis = Int64(configuration[TradingSettings.ledgerTTL])
        if !configuration[TradingSettings.acceptOldCheckpoint] {
            let options = try JobOptions(configuration)
            try LedgerMemory.check(
                checkpointRoot: options.checkpointRoot,
                job: options.jobID ?? JobID(namespace: options.namespace, jobName: Self.name), policy: policy,
                nowMillis: environment.clock.wallMillis())
        }
        self.init(
            transport: try resources.transport(), portfolios: try resources.portfolios(), prices: try resources.prices(),
            policy: policy,
            async: AsyncOptions(
                capacity: configuration[TradingSettings.inFlightMax], timeoutMillis: Int(policy.priceWaitMillis) + 10_000),
            groupID: configuration.consumerGroup(of: Self.name), clock: environment.clock)
    }

    /// Prices in memory are this process's own, and the job alone writes none: it would refuse every order as STALE_PRICE.
    public static func checkAlone(_ configuration: Configuration) throws {
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        guard resources.isOnKafka, configuration[TradingSettings.prices].hasPrefix("memory:") else { return }
        throw ConfigurationRefusal([
            "prices: memory: is this process's own, and nothing in it writes prices: every order would be refused as "
                + "STALE_PRICE; share a store with the job price-cache: --set prices=redis://host:port"
        ])
    }
}

extension PriceCacheJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        self.init(
            transport: try resources.transport(), prices: try resources.prices(),
            groupID: configuration.consumerGroup(of: Self.name))
    }
}

extension MarketFeedJob: ConfiguredJob {
    /// Numbers decide what is simulated: a restart goes on with the same walk.
    static let epochMillis: Int64 = 1_700_000_000_000

    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        var settings = MarketFeedGenerator.Settings(startMillis: Self.epochMillis)
        settings.seed = UInt64(configuration[TradingSettings.seed])
        settings.listings = try resources.listings()
        let generator = MarketFeedGenerator(settings)
        let rhythm = try MarketSettings.rhythm(configuration, symbolsCount: settings.listings.count)
        let clock = environment.clock
        // Sequence numbers begin with the time: whoever keeps prices takes newer ones only, also from a feed that starts over.
        self.init(
            transport: try resources.transport(), firstNumber: clock.wallMillis() * 1_000, numbersPerSecond: rhythm.positionsRate
        ) { number in
            rhythm.hasTick(at: number) ? generator.tick(at: number, timestampMillis: clock.wallMillis()) : nil
        }
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
        self.init(
            transport: try resources.transport(), from: from, to: to, groupID: configuration.consumerGroup(of: Self.name))
    }
}
