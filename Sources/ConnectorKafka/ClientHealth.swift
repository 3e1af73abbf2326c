import StreamRuntime
import Synchronization

/// Says when a client loses its brokers and when it reads again, not more than every five seconds.
/// Called from client threads and the task thread.
final class ClientHealth: Sendable {
    private struct State {
        var isTroubled = false
        var lastReportNanos: Int64 = 0
    }
    private let state = Mutex(State())
    private let log: RuntimeLog
    private let clock = SystemClock()

    init(_ log: RuntimeLog) { self.log = log }

    func note(_ error: KafkaError) {
        let now = clock.monotonicNanos()
        let shouldReport = state.withLock { state in
            state.isTroubled = true
            guard now - state.lastReportNanos > 5_000_000_000 else { return false }
            state.lastReportNanos = now
            return true
        }
        if shouldReport { log(.warning, "kafka consumer: waiting for the brokers", ["error": error.description]) }
    }

    func isReading() {
        let wasTroubled = state.withLock { state in
            defer { state.isTroubled = false }
            return state.isTroubled
        }
        if wasTroubled { log(.info, "kafka consumer: reading again", [:]) }
    }
}
