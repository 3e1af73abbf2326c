import Metrics
import StoreKit
import StreamRuntime

/// What the Market Data Service counts, under the same names as below. Made once; callable from any thread.
final class MarketDataMetrics: Sendable {
    let connections = Gauge(.pricesConnections)
    let sent = Counter(.pricesSent)
    let conflated = Counter(.pricesConflated)
    let droppedSlow = Counter(.pricesDroppedSlow)
    let received = Counter(.pricesClientMessages)
    let refused = Counter(.pricesClientMessagesRefused)
    let refusedConnections = Counter(.pricesConnectionsRefused)
    let heard = Counter(.pricesHeard)
    let rewritten = Counter(.pricesRewritten)
    let listening = Gauge(.pricesListening)
}

extension MetricDescription {
    static let marketData: [MetricDescription] = [
        pricesConnections, pricesConnectionsRefused, pricesSent, pricesConflated, pricesDroppedSlow, pricesClientMessages,
        pricesClientMessagesRefused, pricesHeard, pricesRewritten, pricesListening,
    ]

    static let pricesConnections = gauge("weir_prices_connections", in: "connections", "Open WebSockets.")
    static let pricesConnectionsRefused = counter(
        "weir_prices_connections_refused_total", in: "connections", "WebSockets that were not opened.")
    static let pricesSent = counter(
        "weir_prices_sent_total", in: "prices", "Prices sent to clients, one for each client.")
    static let pricesConflated = counter(
        "weir_prices_conflated_total", in: "prices",
        "Prices that replaced an older one which a client had not been able to take yet.")
    static let pricesDroppedSlow = counter(
        "weir_prices_dropped_slow_total", in: "connections", "Clients cut off because they read nothing for too long.")
    static let pricesClientMessages = counter(
        "weir_prices_client_messages_total", in: "messages", "Messages of clients.")
    static let pricesClientMessagesRefused = counter(
        "weir_prices_client_messages_refused_total", in: "messages", "Messages of clients that had no effect.")
    static let pricesHeard = counter("weir_prices_heard_total", in: "prices", "Price changes heard from the store.")
    static let pricesRewritten = counter(
        "weir_prices_rewritten_total", in: "prices", "Prices written back because the store had lost them.")
    static let pricesListening = gauge(
        "weir_prices_listening", in: "0 or 1", "1 while price changes are heard from the store.")
}
