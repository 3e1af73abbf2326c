/// Bounds of the Market Data Service.
package struct MarketDataLimits: Sendable {
    /// Open WebSockets; a further one is answered with 503.
    package var connectionsMax = 20_000
    /// Symbols a connection may subscribe to.
    package var symbolsMax = 64
    /// The least time between two sendings to one client: what changes more often is sent once.
    package var paceMillis: Int64 = 50
    /// A client that reads nothing for so long is cut off.
    package var stalledMillisMax: Int64 = 30_000
    /// What may wait in this process for a client that reads slowly; beyond `high` prices are conflated until it
    /// has gone below `low`.
    package var waitingBytes = (low: 4 << 10, high: 16 << 10)
    /// What may wait in the kernel for it.
    package var socketSendBytes: Int32 = 64 << 10
    /// Messages, pings, times.
    package var session = WebSocketSession.Limits()

    package init() {}
}
