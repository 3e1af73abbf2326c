import Foundation
import StreamRuntime
import Synchronization

/// Looks now and then, on a thread of its own, whether the topics have got new partitions.
final class PartitionWatch: Sendable {
    private struct State {
        var isStopped = false
        var found: NewSplits?
    }
    private let state = Mutex(State())

    init(_ configuration: KafkaConfiguration, _ known: [String: Int32], everyMillis: Int) {
        let thread = Thread { [self] in watch(configuration, known, everyMillis) }
        thread.name = "weir-kafka-watch"
        thread.start()
    }

    /// Throws `NewSplits` once there are any.
    func check() throws {
        if let found = state.withLock({ $0.found }) { throw found }
    }

    /// Ends the thread within a few seconds; returns at once.
    func stop() { state.withLock { $0.isStopped = true } }

    private func watch(_ configuration: KafkaConfiguration, _ known: [String: Int32], _ everyMillis: Int) {
        let isStopped: () -> Bool = { [self] in state.withLock { $0.isStopped } }
        // A client per look: minutes lie between them.
        while true {
            sleepMillis(everyMillis, unless: isStopped)
            if isStopped() { return }
            guard
                let client = try? KafkaHandle(
                    .consumer, configuration,
                    settings: [("allow.auto.create.topics", "false"), ("group.id", "weir-watch")], log: .silent),
                let counts = try? client.partitionCounts(of: known.keys.sorted(), timeoutMillis: 3_000)
            else { continue }
            let grown = counts.filter { $0.value > known[$0.key] ?? 0 }.sorted { $0.key < $1.key }
            guard !grown.isEmpty else { continue }
            let told = grown.map { "'\($0.key)' has \($0.value) partitions, it had \(known[$0.key] ?? 0)" }
            return state.withLock { $0.found = NewSplits("topic " + told.joined(separator: ", topic ")) }
        }
    }
}

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
