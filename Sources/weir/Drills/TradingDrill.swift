import Drills
import Jobs
import StreamRuntime
import Trading
import TradingDrills
import TradingStores
import WeirKit

/// What the drills of the trading system have in common: orders and prices flow; every order must get exactly one outcome, in
/// order per user, and the portfolios must add up to the unit.
class TradingDrill {
    private let configuration: Configuration
    private let resources: TradingResources
    private let tail: DrillTail
    private var outcomes = OrderOutcomes()
    /// The users' portfolios before the first order.
    private var openings: [UserID: Portfolio] = [:]
    private static let topics = TradingTopics()

    /// Settings of the drills' own.
    static let defaults = [
        TradingSettings.users.key.name: "200", TradingSettings.duplicateShare.key.name: "3",
        TradingSettings.invalidShare.key.name: "3",
    ]

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        self.configuration = configuration
        resources = TradingResources(configuration: configuration, environment: environment)
        guard !resources.portfoliosURL.hasPrefix("memory:") else {
            throw ConfigurationRefusal([
                "portfolios: what is kept in memory is gone with the first kill; leave it out, or use rocksdb: or dynamodb:"
            ])
        }
        tail = try DrillTail(
            resources, inputs: [Self.topics.orders], outputs: [Self.topics.executed, Self.topics.rejected])
    }

    var warmUpOutputs: Int { 1_000 }

    var setup: [String] {
        [
            "\(configuration[TradingSettings.ordersPerSecond]) orders/s of \(configuration[TradingSettings.users]) users, "
                + "portfolios in \(TradingResources.scheme(resources.portfoliosURL))",
            "checkpoints every \(configuration[StandardSettings.checkpointInterval]) ms on \(tail.transportName)",
        ]
    }

    func prepare() async throws {
        let topics = Self.topics
        try tail.makeTopics(
            [topics.marketData, topics.orders, topics.executed, topics.rejected, TradingTopics.deadLetters(of: topics.orders)],
            partitions: Int32(configuration[ProvisionSettings.partitions]))
        let portfolios = try store()
        if let dynamo = portfolios as? DynamoDBPortfolioStore { _ = try await dynamo.provision() }
        try await resources.openAccounts(in: portfolios)
        openings = try await portfolios.allPortfolios()
        await portfolios.close()
    }

    func observe() throws -> Int {
        let (inputs, outputs) = try tail.read()
        for record in inputs { outcomes.add(try Order.decode(record.value)) }
        for record in outputs {
            if record.topic == Self.topics.executed {
                outcomes.add(try Trade.decode(record.value))
            } else {
                outcomes.add(try Rejection.decode(record.value))
            }
        }
        return outcomes.outcomesCount
    }

    func settle() throws -> Int {
        try tail.settle { try observe() }
        return outcomes.outcomesCount
    }

    func judge() async throws -> DrillFindings {
        try tail.toEnd { try observe() }
        var findings = outcomes.findings()
        let portfolios = try store()
        let differences = outcomes.differences(try await portfolios.allPortfolios(), openings: openings)
        await portfolios.close()
        findings.wrong += differences.count
        for difference in differences { findings.note("not conserved: \(difference)") }
        return findings
    }

    /// Opened for a moment, while the drilled process, whose store it is, does not run.
    private func store() throws -> any PortfolioStore {
        if resources.portfoliosURL.hasPrefix("rocksdb:") { try resources.makeFolder(resources.dataFolder) }
        return try PortfolioStores.open(resources.portfoliosURL)
    }
}

/// `drill trade-execution`: orders and prices, the job that executes them, and nothing else.
final class TradeExecutionDrill: TradingDrill, JobDrill {
    static let name = TradeExecutionJob.name
    static let summary = "Orders executed against prices and portfolios, embedded or on Kafka; cash and shares must add up."
    static let members = [
        DrillMember(OrderFeedJob.self, stage: 0), DrillMember(TradeExecutionJob.self, stage: 1, catchUp: .seconds(60)),
        DrillMember(PriceCacheJob.self, stage: 2), DrillMember(MarketFeedJob.self, stage: 2),
    ]
}

/// `drill up`: the whole system as `weir up` runs it, services and copies of the trades among it. Each orderly end is a
/// conservation check of its own: `up` ends with 1 when one fails.
final class SystemDrill: TradingDrill, JobDrill {
    static let name = "up"
    static let summary = "The whole system as 'up' runs it, on the embedded log; at each orderly end it checks itself, too."
    /// `up` adds its own jobs.
    static let members: [DrillMember] = []
    static let processArguments = ["up", "--gateway-port", "0"]

    override init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        guard configuration[TradingSettings.transport] == nil else {
            throw ConfigurationRefusal([
                "transport: 'drill up' runs on the embedded log; 'drill trade-execution' runs on Kafka too"
            ])
        }
        try super.init(configuration, environment)
    }
}
