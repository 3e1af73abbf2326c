import ArgumentParser
import ConnectorKafka
import ControlPlane
import Drills
import ExampleJobs
import Jobs
import Services
import StoreKit
import StreamRuntime
import WeirKit

/// The `weir` executable: the trading jobs, and the commands around them.
@main
struct Weir: DrillingApplication {
    static let commandName = "weir"
    static let summary = "Weir: stream processing in one native binary, with a mock trading system built on it."
    static let version = "0.1.0"
    static let tradingJobs: [any ConfiguredJob.Type] = [
        TradeExecutionJob.self, MarketFeedJob.self, OrderFeedJob.self, PriceCacheJob.self, CopyJob.self,
        TradeHistoryJob.self, TradeAnalyticsJob.self,
    ]
    static let jobs = tradingJobs + exampleJobs
    static let extraCommands: [any ParsableCommand.Type] =
        [
            UpCommand.self, ResetCommand.self, VerifyCommand.self, ProvisionCommand.self, ServiceCommand.self,
            TokenCommand.self, SimulateCommand.self, TransactionsCommand.self,
        ] + ControlCommands.all(for: Weir.self) + DrillCommands.all(for: Weir.self)
    static let drills: [any JobDrill.Type] = [CountingDrill.self, TradeExecutionDrill.self, SystemDrill.self]
    static let configurationKeys =
        TradingSettings.keys + PersistenceSettings.keys + StoreCredentials.keys + ServiceSettings.keys + ProvisionSettings.keys
        + MarketSettings.keys + DrillSettings.keys
    static let metrics =
        MetricDescription.kafka + MetricDescription.stores + MetricDescription.services + MetricDescription.tradingJobs
        + MetricDescription.controlPlane
}
