import StreamRuntime
import Trading

/// What the trading jobs tell: the execution job about orders, all of them about dead letters.
extension MetricDescription {
    public static let tradingJobs: [MetricDescription] = [trades, rejections, duplicateOrders, replayedOrders, deadLetters]

    static let trades = counter("weir_trades_total", in: "orders", "Orders that were executed.")
    static let rejections = counter(
        "weir_rejections_total", in: "orders",
        by: [MetricLabel("reason", "why the order was refused", bound: "\(RejectionReason.allCases.count) reasons")],
        "Orders that were refused.")
    static let duplicateOrders = counter(
        "weir_duplicate_orders_total", in: "orders", "Order records whose order another record had decided.")
    static let replayedOrders = counter(
        "weir_replayed_orders_total", in: "orders", "Outcomes emitted again from the ledger after a restart.")
}
