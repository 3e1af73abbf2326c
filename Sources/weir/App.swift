import ArgumentParser
import ExampleJobs
import Jobs
import WeirKit

/// The `weir` executable: the trading jobs, and the commands around them.
@main
struct Weir: WeirApplication {
    static let commandName = "weir"
    static let summary = "Weir: stream processing in one native binary, with a mock trading system built on it."
    static let version = "0.1.0"
    static let jobs: [any ConfiguredJob.Type] = [
        TradeExecutionJob.self, MarketFeedJob.self, OrderFeedJob.self, PriceCacheJob.self, CopyJob.self,
    ] + exampleJobs
    static let extraCommands: [any ParsableCommand.Type] = [UpCommand.self, ResetCommand.self, VerifyCommand.self]
    static let configurationKeys = TradingSettings.keys
}
