import Jobs
import StreamRuntime
import Trading
import TradingStores
import WeirKit

/// What the copies of the executed trades hold beside what was executed: the history's count, the sums of analytics. A copy
/// that holds fewer is behind, and the next run brings the rest, as far as its job has them still to read; one that holds more,
/// or the same number of others, or lacks what its job has written, is wrong.
struct TradeCopies {
    private var executed = Sums()
    private var recorded: Int64 = 0
    private var analysed = Sums()
    /// Trades that the jobs have read, and their stores must hold.
    private var historyRead: Int64 = 0
    private var analyticsRead: Int64 = 0
    /// Of the topic, by either job.
    private var putAside: Int64 = 0
    /// Nil: it cannot be told.
    private var historyProgress: CopyProgress?
    private var analyticsProgress: CopyProgress?

    private struct Sums: Equatable {
        var trades: Int64 = 0
        var shares: Int64 = 0
        /// Of ten-thousandths; the low 64 bits, as sums of many trades may pass beyond.
        var notional: Int64 = 0
    }

    init() {}

    /// Of stores on this machine's disk: what a server keeps, others may have cut back.
    init(_ resources: TradingResources) {
        if resources.historyURL.hasPrefix("sqlite:") { historyProgress = resources.progress(of: TradeHistoryJob.name) }
        if resources.analyticsURL.hasPrefix("sqlite:") { analyticsProgress = resources.progress(of: TradeAnalyticsJob.name) }
    }

    /// A trade of `trade_executed`, and its place there.
    mutating func add(_ trade: Trade, partition: Int32, offset: Int64) {
        executed.trades += 1
        if historyProgress?.hasRead(partition: partition, offset: offset) == true { historyRead += 1 }
        if analyticsProgress?.hasRead(partition: partition, offset: offset) == true { analyticsRead += 1 }
        executed.shares &+= trade.quantity
        executed.notional &+= trade.notional.units
    }

    /// A record of the dead letters of `trade_executed`.
    mutating func addDeadLetter() { putAside += 1 }

    mutating func read(_ resources: TradingResources) async throws {
        recorded = Int64(try await resources.history().count())
        let totals = try await resources.analytics().totals()
        analysed = Sums(trades: totals.trades, shares: totals.shares, notional: totals.notional.units)
    }

    var isConsistent: Bool {
        recorded <= executed.trades && !hasHistoryLost && (analysed.trades < executed.trades || analysed == executed)
            && !hasAnalyticsLost
    }

    private var hasHistoryLost: Bool { recorded + putAside < historyRead }
    private var hasAnalyticsLost: Bool { analysed.trades + putAside < analyticsRead }

    var lines: [String] {
        ["history      \(historyText)", "analytics    \(analyticsText)"]
    }

    private var historyText: String {
        if hasHistoryLost { return Self.lostText(recorded, of: historyRead) }
        if recorded == executed.trades { return "holds every trade, once" }
        return recorded < executed.trades
            ? "holds \(recorded) of \(executed.trades) trades (the next run records the rest)"
            : "WRONG: holds \(recorded) trades, \(executed.trades) were executed"
    }

    private var analyticsText: String {
        if hasAnalyticsLost { return Self.lostText(analysed.trades, of: analyticsRead) }
        if analysed == executed { return "holds every trade, once; shares and notional are the same" }
        return analysed.trades < executed.trades
            ? "holds \(analysed.trades) of \(executed.trades) trades (the next run adds the rest)"
            : "WRONG: \(analysed) instead of \(executed)"
    }

    private static func lostText(_ held: Int64, of read: Int64) -> String {
        "WRONG: holds \(held) of the \(read) trades that were written to it, and no run writes them again by itself "
            + "('Filling a copy again' in docs/history-and-analytics.md)"
    }
}

extension TradingResources {
    /// Of a job that copies the executed trades.
    fileprivate func progress(of jobName: String) -> CopyProgress? {
        CopyProgress.newest(
            checkpointRoot: configuration[StandardSettings.checkpointFolder],
            job: JobID(namespace: configuration[StandardSettings.namespace], jobName: jobName))
    }
}
