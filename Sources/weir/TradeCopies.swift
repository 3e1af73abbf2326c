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
    private var history = Copy()
    private var analytics = Copy()
    private var analysed = Sums()
    /// Of the topic, by either job.
    private var putAside: Int64 = 0

    /// What one job has made of them.
    private struct Copy {
        var held: Int64 = 0
        /// Trades that the job has read, and its store must hold.
        var read: Int64 = 0
        /// Nil: it cannot be told.
        var progress: CopyProgress?

        mutating func add(partition: Int32, offset: Int64) {
            if progress?.hasRead(partition: partition, offset: offset) == true { read += 1 }
        }

        func hasLost(putAside: Int64) -> Bool { held + putAside < read }

        /// Of a copy that has lost trades, or is behind; nil for any other.
        func text(of executed: Int64, putAside: Int64, rest: String) -> String? {
            if hasLost(putAside: putAside) {
                return "WRONG: holds \(held) of the \(read) trades that were written to it, and no run writes them again by "
                    + "itself ('Filling a copy again' in docs/history-and-analytics.md)"
            }
            guard held < executed else { return nil }
            return "holds \(held) of \(executed) trades (the next run \(rest) the rest)"
        }
    }

    private struct Sums: Equatable {
        var trades: Int64 = 0
        var shares: Int64 = 0
        /// Of ten-thousandths; the low 64 bits, as sums of many trades may pass beyond.
        var notional: Int64 = 0
    }

    init() {}

    /// Of stores on this machine's disk: what a server keeps, others may have cut back.
    init(_ resources: TradingResources) {
        if resources.historyURL.hasPrefix("sqlite:") { history.progress = resources.progress(of: TradeHistoryJob.name) }
        if resources.analyticsURL.hasPrefix("sqlite:") { analytics.progress = resources.progress(of: TradeAnalyticsJob.name) }
    }

    /// A trade of `trade_executed`, and its place there.
    mutating func add(_ trade: Trade, partition: Int32, offset: Int64) {
        executed.trades += 1
        executed.shares &+= trade.quantity
        executed.notional &+= trade.notional.units
        history.add(partition: partition, offset: offset)
        analytics.add(partition: partition, offset: offset)
    }

    /// A record of the dead letters of `trade_executed`.
    mutating func addDeadLetter() { putAside += 1 }

    mutating func read(_ resources: TradingResources) async throws {
        history.held = Int64(try await resources.history().count())
        let totals = try await resources.analytics().totals()
        analytics.held = totals.trades
        analysed = Sums(trades: totals.trades, shares: totals.shares, notional: totals.notional.units)
    }

    var isConsistent: Bool {
        history.held <= executed.trades && (analysed.trades < executed.trades || analysed == executed)
            && !history.hasLost(putAside: putAside) && !analytics.hasLost(putAside: putAside)
    }

    var lines: [String] {
        ["history      \(historyText)", "analytics    \(analyticsText)"]
    }

    private var historyText: String {
        if let text = history.text(of: executed.trades, putAside: putAside, rest: "records") { return text }
        return history.held == executed.trades
            ? "holds every trade, once"
            : "WRONG: holds \(history.held) trades, \(executed.trades) were executed"
    }

    private var analyticsText: String {
        if let text = analytics.text(of: executed.trades, putAside: putAside, rest: "adds") { return text }
        return analysed == executed
            ? "holds every trade, once; shares and notional are the same" : "WRONG: \(analysed) instead of \(executed)"
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
