import StreamRuntime
import Synchronization

/// What a job is given beside its settings: where it runs. The same value for all jobs of a process,
/// except for `log` and `metrics`, which are the job's own.
public struct ApplicationEnvironment: Sendable {
    public let log: RuntimeLog
    public let metrics: MetricRegistry
    public let clock: any RuntimeClock
    /// What the jobs of this process use together.
    public let shared: SharedResources

    public init(
        log: RuntimeLog = .silent, metrics: MetricRegistry = MetricRegistry(), clock: any RuntimeClock = SystemClock(),
        shared: SharedResources = SharedResources()
    ) {
        self.log = log
        self.metrics = metrics
        self.clock = clock
        self.shared = shared
    }
}

/// Things made once per process and used by several jobs: an embedded log, a store, a connection pool.
/// Callable from any thread. `closeAll` is the caller's duty at the end of the process.
public final class SharedResources: Sendable {
    private struct Key: Hashable {
        let type: ObjectIdentifier
        let name: String
    }
    private struct State {
        var made: [Key: any Sendable] = [:]
        /// In the order made.
        var closers: [@Sendable () async -> Void] = []
    }
    private let state = Mutex(State())

    public init() {}

    /// The resource of this type and name, made on first use. `make` runs under a lock, so that two jobs
    /// never make it twice: it must not ask for another shared resource.
    public func resource<Resource: Sendable>(
        _ type: Resource.Type = Resource.self, named name: String, make: () throws -> Resource,
        close: (@Sendable (Resource) async -> Void)? = nil
    ) rethrows -> Resource {
        let key = Key(type: ObjectIdentifier(type), name: name)
        return try state.withLock { state in
            if let known = state.made[key] as? Resource { return known }
            let made = try make()
            state.made[key] = made
            if let close { state.closers.append { await close(made) } }
            return made
        }
    }

    /// Runs `body` and closes everything after it, whether it has thrown or not: threads of what was made must not outlive the
    /// libraries, which end with the process.
    nonisolated(nonsending) public func closing<Value>(
        after body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        let result: Value
        do { result = try await body() } catch {
            await closeAll()
            throw error
        }
        await closeAll()
        return result
    }

    /// Closes in the reverse order of making; a second call does nothing.
    public func closeAll() async {
        let closers = state.withLock { state in
            defer { state = State() }
            return state.closers
        }
        for close in closers.reversed() { await close() }
    }
}
