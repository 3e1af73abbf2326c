import ArgumentParser
import Foundation
import Jobs
import StreamRuntime
import Trading
import TradingStores
import WeirKit

/// `up`: the whole trading system in one process.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Run the whole trading system in this process, without any server.",
        discussion: """
            Simulated prices and orders flow through an embedded log into the trade-execution job and out as trades and \
            rejections; trades go on into a searchable history and analytics. Ctrl-C stops the orders first, works off what is in flight, and checks that no cash or share \
            was lost or made. Run it again and it goes on from its last checkpoint; 'weir reset' starts over.

            EXAMPLES
              weir up
              weir up --for 30s --parallelism 2 --state-backend rocksdb
              weir up --gateway-port 0 --set orders.rate=5000
            """)

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Option(name: .customLong("for"), help: ArgumentHelp("Stop by itself after this time.", valueName: "duration"))
    var duration: String?
    @Option(help: ArgumentHelp("Port of the gateway (default: 8080; 0: any free one).", valueName: "port"))
    var gatewayPort: Int?

    func run() async throws {
        var flags = flags
        if let gatewayPort { flags.set.append("gateway.port=\(gatewayPort)") }
        let configuration = try flags.resolve(for: Weir.self)
        let millis = try duration.map { try DurationText.positiveMillis($0, option: "--for") }
        let session = try ApplicationSession(Weir.self, configuration, failurePolicy: .stopAll)
        let resources = TradingResources(configuration: configuration, environment: session.launcher.environment)
        try await resources.openAccounts(in: try resources.portfolios())
        let live = LiveLine()
        let summary = Summary()
        let outcomes = try await session.run(
            stopAfterMillis: millis,
            startServices: { hosted in
                let token = try await resources.sampleToken()
                try await UpServices.services(resources, session).startAll(in: hosted) { url in
                    Self.announce(resources, configuration, metricsURL: hosted.metricsURL)
                    say(UpServices.text(url, token: token))
                }
            },
            atRest: {
                live.stop()
                summary.audit = try await Audit.run(resources)
            }
        ) { launcher, host in
            // Orders stop first, then what executes them; prices last, so that draining orders find one.
            let execution = try launcher.prepare(TradeExecutionJob.self)
            try host.add(try launcher.prepare(OrderFeedJob.self), stage: 0)
            try host.add(execution, stage: 1, catchUp: .seconds(10))
            // What reads the trades goes on until it has them all.
            try host.add(try launcher.prepare(TradeHistoryJob.self), stage: 2, catchUp: .seconds(10))
            try host.add(try launcher.prepare(TradeAnalyticsJob.self), stage: 2, catchUp: .seconds(10))
            try host.add(try launcher.prepare(PriceCacheJob.self), stage: 2)
            try host.add(try launcher.prepare(MarketFeedJob.self), stage: 2)
            live.start(execution.runner)
        }
        if let audit = summary.audit { say(audit.text) }
        if let error = outcomes.compactMap(\.error).first { throw error }
        guard summary.audit?.isConserved ?? true else { throw CommandFailure("the conservation check failed; see above") }
    }

    private static func announce(_ resources: TradingResources, _ configuration: Configuration, metricsURL: String?) {
        say(
            """
            Weir is up: prices → orders → trade-execution → trades → history, analytics, all in this process.
              data         \(resources.dataFolder)
              checkpoints  \(URL(fileURLWithPath: configuration[StandardSettings.checkpointFolder]).standardizedFileURL.path)
              metrics      \(metricsURL ?? "not served (metrics.enabled)")
              stop         Ctrl-C (orders in flight are finished; the next run goes on from here)
            """)
    }
}

/// What the audit found, handed out of the closure that makes it.
private final class Summary {
    var audit: Audit?
}

/// Standard output, unbuffered, so that lines stay in order in a pipe too. What nobody reads is not an error here.
func say(_ text: String) { try? StandardOutput.write((text + "\n").utf8) }

extension DurationText {
    static func positiveMillis(_ text: String, option: String) throws -> Int {
        guard let millis = parse(text), millis > 0 else {
            throw UsageError("\(option): '\(text)' is not a duration like 500ms, 30s or 2m")
        }
        return millis
    }
}
