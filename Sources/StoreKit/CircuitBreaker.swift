import Metrics
import StreamRuntime
import Synchronization

/// A breaker around calls to one store. While it is open calls fail at once as `.unavailable`; a job sees
/// `isOpen` and pauses instead of failing. May be used from any task.
public final class CircuitBreaker: Sendable {
    /// The store's name, for messages.
    public let name: String
    private let state: Mutex<BreakerState>
    private let nowMillis: @Sendable () -> Int64
    private let metrics: BreakerMetrics

    /// A closed breaker; `nowMillis` is any steady clock.
    public init(
        name: String, settings: BreakerState.Settings = .init(),
        nowMillis: @escaping @Sendable () -> Int64 = CircuitBreaker.steadyMillis
    ) {
        self.name = name
        self.nowMillis = nowMillis
        state = Mutex(BreakerState(settings))
        metrics = BreakerMetrics(store: name)
        metrics.moved(from: nil, to: .closed)
    }

    deinit {
        metrics.moved(from: phase.word, to: nil)
    }

    /// Milliseconds of the process' steady clock.
    public static let steadyMillis: @Sendable () -> Int64 = {
        let start = ContinuousClock.now
        return { Int64((ContinuousClock.now - start) / .milliseconds(1)) }
    }()

    /// Where it is.
    public var phase: BreakerState.Phase { state.withLock { $0.phase } }

    /// Whether the store is held to be in trouble.
    public var isOpen: Bool { state.withLock { $0.isOpen } }

    /// How long until a call may go out; 0 when one may now.
    public var waitMillis: Int64 {
        switch phase {
        case .closed: 0
        case .open(let untilMillis), .halfOpen(let untilMillis): max(0, untilMillis - nowMillis())
        }
    }

    /// Runs `body` if the breaker lets it, and learns from how it ended, unless the task was cancelled meanwhile.
    public func run<Value: Sendable>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        if case .refused(let retryAtMillis) = change({ $0.admit(nowMillis: nowMillis()) }) {
            throw .unavailable("\(name) is held to be down; next attempt in \(retryAtMillis - nowMillis()) ms")
        }
        do throws(StoreError) {
            let value = try await body()
            change { $0.succeeded() }
            return value
        } catch {
            // A caller that gives up makes calls fail as if nobody answered.
            let isAbandoned = Task.isCancelled
            change { state in
                if isAbandoned {
                    state.abandoned(nowMillis: nowMillis())
                } else if error.isOutage {
                    state.failed(nowMillis: nowMillis())
                } else {
                    state.succeeded()
                }
            }
            throw error
        }
    }

    private func change<Value>(_ body: (inout BreakerState) -> Value) -> Value {
        let (value, was, isNow) = state.withLock { state in
            let was = state.phase.word
            let value = body(&state)
            return (value, was, state.phase.word)
        }
        metrics.moved(from: was, to: isNow)
        return value
    }
}
