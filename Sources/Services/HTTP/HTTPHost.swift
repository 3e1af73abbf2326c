import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// One HTTP server as a part of a process: listens when it runs, and ends gracefully, answering what was asked.
///
/// `run` is called once, by a `ServiceGroup`; everything else from any thread.
package final class HTTPHost: Service {
    package struct Options: Sendable {
        /// Names the server in metrics, logs and refusals.
        package var name: String
        package var host = "127.0.0.1"
        /// 0: any free one.
        package var port = 0
        /// How a user changes the port; part of the refusal when it is taken.
        package var portFlag = "--port"
        package var limits = HTTPLimits()
        /// Of lines about requests that went well.
        package var accessLevel = Logger.Level.info
        /// How long a graceful stop may take to answer what was asked.
        package var stopMillisMax: Int64 = 5_000

        package init(name: String) { self.name = name }
    }

    package let options: Options
    package let routes: [Route]
    private let application: any Service
    private let bound = Bound()
    private let logger: Logger

    /// - Parameter server: how connections are set up when plain HTTP/1.1 within the limits is not enough (web sockets);
    ///   such a one keeps the limits itself.
    package init(_ options: Options, _ router: ServiceRouter, server: HTTPServerBuilder? = nil) {
        self.options = options
        routes = router.routes
        logger = Logger(label: "weir.http")
        let responder = ServiceResponder(
            service: options.name, inner: router.responder(options.limits), limits: options.limits,
            accessLevel: options.accessLevel)
        let bound = bound
        application = Application(
            responder: responder, server: server ?? Self.plainServer(options.limits),
            configuration: .init(
                address: .hostname(options.host, port: options.port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: .maximum(options.limits.connectionsMax, logger: logger)),
            onServerRunning: { bound.complete(.success($0.localAddress?.port ?? 0)) }, logger: logger)
    }

    /// HTTP/1.1 within the limits.
    package static func plainServer(_ limits: HTTPLimits) -> HTTPServerBuilder { .http1(configuration: http1(limits)) }

    /// The limits as connections keep them.
    static func http1(_ limits: HTTPLimits) -> HTTP1Channel.Configuration {
        .init(
            additionalChannelHandlers: [RequestGuard(limits.connection) { Problem($0).answer }],
            idleTimeout: .milliseconds(limits.idleMillisMax),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytesMax, maxHeaderListSize: limits.headerBytesMax,
                maxHeaderFieldCount: limits.headersMax))
    }

    /// The port it listens on, once it does. Throws why it cannot.
    package func port() async throws -> Int { try await bound.value() }

    /// `http://host:port`, once it listens.
    package func url() async throws -> String {
        let host = options.host.contains(":") ? "[\(options.host)]" : options.host
        return "http://\(host):\(try await port())"
    }

    package func run() async throws {
        // A group of its own, so that a client which never ends its request cannot hold up the whole process.
        var configuration = ServiceGroupConfiguration(services: [application], logger: quietLogger)
        configuration.maximumGracefulShutdownDuration = .milliseconds(options.stopMillisMax)
        let group = ServiceGroup(configuration: configuration)
        do {
            try await withGracefulShutdownHandler {
                try await group.run()
            } onGracefulShutdown: {
                Task { await group.triggerGracefulShutdown() }
            }
            bound.complete(.failure(HTTPHostError(options, cause: "it was stopped before it listened")))
        } catch {
            // Once it listens, what ends the group is the end of the time for a graceful stop.
            guard bound.complete(.failure(HTTPHostError(options, error))) else { return }
            throw HTTPHostError(options, error)
        }
    }

    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = .critical
        return quiet
    }
}

/// A server that cannot listen.
package struct HTTPHostError: Error, CustomStringConvertible {
    package let description: String

    init(_ options: HTTPHost.Options, cause: String) {
        description = "the \(options.name) service cannot listen on \(options.host):\(options.port): \(cause)"
    }

    init(_ options: HTTPHost.Options, _ error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            self.init(
                options,
                cause: "the port is in use by another process; choose another with \(options.portFlag) PORT (0: any free one)")
        case EACCES: self.init(options, cause: "not permitted; choose a port above 1023 with \(options.portFlag) PORT")
        default: self.init(options, cause: "\(error)")
        }
    }
}

/// The port, which arrives once and is asked for any number of times.
private final class Bound: Sendable {
    private struct State {
        var result: Result<Int, any Error>?
        var waiters: [CheckedContinuation<Int, any Error>] = []
    }
    private let state = Mutex(State())

    /// False when it was complete before.
    @discardableResult
    func complete(_ result: Result<Int, any Error>) -> Bool {
        let waiters = state.withLock { state -> [CheckedContinuation<Int, any Error>]? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters ?? [] { waiter.resume(with: result) }
        return waiters != nil
    }

    func value() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            let known = state.withLock { state in
                if state.result == nil { state.waiters.append(continuation) }
                return state.result
            }
            if let known { continuation.resume(with: known) }
        }
    }
}
