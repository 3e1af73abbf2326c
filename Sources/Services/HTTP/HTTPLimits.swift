import HTTPServing

/// Bounds of what clients may ask of one HTTP server.
package struct HTTPLimits: Sendable {
    /// Of one request's body; a longer one is answered with 413.
    package var bodyBytesMax = 64 << 10
    /// Of one header field, and of all of them together; more is answered with 431.
    package var headerBytesMax = 16 << 10
    package var headersMax = 64
    /// From a request's head to its answer; then it is cancelled and answered with 503.
    package var requestMillisMax: Int64 = 15_000
    /// From a request's head to its last byte; then it is answered with 408. Less than `requestMillisMax`, which would
    /// tell the client that the server was slow.
    package var readMillisMax: Int64 = 10_000
    /// A connection on which nothing happens for so long is closed.
    package var idleMillisMax: Int64 = 60_000
    /// Further connections wait in the listener's queue.
    package var connectionsMax = 1024

    package init() {}

    var connection: ConnectionLimits { ConnectionLimits(bodyBytesMax: bodyBytesMax, readMillisMax: readMillisMax) }
}
