import Logging
import ServiceLifecycle
import Synchronization

/// Services that bring work into a process from outside (HTTP, sockets), beside the process' jobs: the jobs are there
/// before the first request, and are stopped after the last one.
///
/// Services are started in groups, each once the former serves (a gateway needs to know where the others listen), and
/// stopped in the reverse order. Callable from any thread.
public final class HostedServices: Sendable {
    /// How long one group may take to end what it has begun.
    private static let stopMillisMax: Int64 = 10_000

    private struct Running {
        let group: ServiceGroup
        let task: Task<Void, Never>
    }
    private struct State {
        var running: [Running] = []
        var isStopAsked = false
        var failure: (any Error)?
    }

    private let state = Mutex(State())
    private let onEnd: @Sendable () -> Void

    /// Where the process serves its metrics, if it does.
    public let metricsURL: String?

    /// `onEnd` is called whenever a group ends.
    init(metricsURL: String?, onEnd: @escaping @Sendable () -> Void) {
        self.metricsURL = metricsURL
        self.onEnd = onEnd
    }

    /// Runs `services` as a `ServiceGroup`; returns when `ready` says that they serve. Throws why they do not, and
    /// once a stop was asked for.
    public func start(_ services: [any Service], ready: @escaping @Sendable () async throws -> Void) async throws {
        var logger = Logger(label: "weir.services")
        logger.logLevel = .critical  // what went wrong is thrown
        var configuration = ServiceGroupConfiguration(services: services, logger: logger)
        configuration.maximumGracefulShutdownDuration = .milliseconds(Self.stopMillisMax)
        let group = ServiceGroup(configuration: configuration)
        let (events, first) = AsyncStream.makeStream(of: (any Error)?.self)
        let isStarted = state.withLock { state in
            guard !state.isStopAsked else { return false }
            state.running.append(Running(group: group, task: Task { await run(group, first) }))
            return true
        }
        guard isStarted else { throw HostedServicesEnded() }
        Task {
            do {
                try await ready()
                first.yield(nil)
            } catch {
                first.yield(error)
            }
        }
        for await error in events {
            if let error { throw error }
            return
        }
    }

    private func run(_ group: ServiceGroup, _ event: AsyncStream<(any Error)?>.Continuation) async {
        do {
            try await group.run()
            event.yield(HostedServicesEnded())
        } catch {
            // One that does not end in time is cancelled, which is no failure of its own.
            state.withLock { if !$0.isStopAsked { $0.failure = $0.failure ?? error } }
            event.yield(error)
        }
        onEnd()
    }

    /// Why services ended by themselves; nil as long as they run, and when they were stopped.
    var failure: (any Error)? { state.withLock { $0.failure } }

    /// Ends the services gracefully, and returns when they have ended. May be called again.
    func stop() async {
        let running = state.withLock { state in
            state.isStopAsked = true
            return state.running
        }
        for one in running.reversed() {
            await one.group.triggerGracefulShutdown()
            await one.task.value
        }
    }

    /// Returns when all services have ended.
    func wait() async {
        for one in state.withLock({ $0.running }) { await one.task.value }
    }
}

/// Services were stopped before they served.
struct HostedServicesEnded: Error, CustomStringConvertible {
    let description = "the services were stopped before they served"
}
