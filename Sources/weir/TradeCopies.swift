import Trading
import TradingStores

/// What the copies of the executed trades hold beside what was executed: the history's count, the sums of analytics. A copy
/// that holds fewer is behind, and the next run brings the rest; one that holds more, or the same number of others, is wrong.
struct TradeCopies {
    private var executed = Sums()
    private var recorded = 0
    private var analysed = Sums()

    private struct Sums: Equatable {
        var trades: Int64 = 0
        var shares: Int64 = 0
        /// Of ten-thousandths; the low 64 bits, as sums of many trades may pass beyond.
        var notional: Int64 = 0
    }

    /// A trade of `trade_executed`.
    mutating func add(_ trade: Trade) {
        executed.trades += 1
        executed.shares &+= trade.quantity
        executed.notional &+= trade.notional.units
    }

    mutating func read(_ resources: TradingResources) async throws {
        recorded = try await resources.history().count()
        let totals = try await resources.analytics().totals()
        analysed = Sums(trades: totals.trades, shares: totals.shares, notional: totals.notional.units)
    }

    var isConsistent: Bool {
        recorded <= executed.trades && (analysed.trades < executed.trades || analysed == executed)
    }

    var lines: [String] {
        ["history      \(historyText)", "analytics    \(analyticsText)"]
    }

    private var historyText: String {
        if recorded == executed.trades { return "holds every trade, once" }
        return recorded < executed.trades
            ? "holds \(recorded) of \(executed.trades) trades (the next run records the rest)"
            : "WRONG: holds \(recorded) trades, \(executed.trades) were executed"
    }

    private var analyticsText: String {
        if analysed == executed { return "holds every trade, once; shares and notional are the same" }
        return analysed.trades < executed.trades
            ? "holds \(analysed.trades) of \(executed.trades) trades (the next run adds the rest)"
            : "WRONG: \(analysed) instead of \(executed)"
    }
}
