import Foundation
import StreamRuntime
import Synchronization

/// Looks now and then, on a thread of its own, whether the topics have got new partitions, which a running
/// job does not read: it says so by log and metric.
final class PartitionWatch: Sendable {
    private let isStopped = Mutex(false)

    init(
        _ configuration: KafkaConfiguration, _ known: [String: Int32], everyMillis: Int,
        _ context: SourceReaderContext
    ) {
        let found = context.metrics.gauge(
            .kafkaNewPartitions, labels: ["operator": context.source.operatorID.rawValue])
        found.set(0)
        let thread = Thread { [self] in
            watch(configuration, known, everyMillis, context.source.log) { found.set($0) }
        }
        thread.name = "weir-kafka-watch"
        thread.start()
    }

    /// Ends the thread within a few seconds; returns at once.
    func stop() { isStopped.withLock { $0 = true } }

    private func watch(
        _ configuration: KafkaConfiguration, _ known: [String: Int32], _ everyMillis: Int, _ log: RuntimeLog,
        _ report: (Int) -> Void
    ) {
        let stopped: () -> Bool = { [self] in isStopped.withLock { $0 } }
        var reported = 0
        // A client per look: minutes lie between them.
        while true {
            sleepMillis(everyMillis, unless: stopped)
            if stopped() { return }
            guard
                let client = try? KafkaHandle(
                    .consumer, configuration,
                    settings: [("allow.auto.create.topics", "false"), ("group.id", "weir-watch")], log: .silent),
                let counts = try? client.partitionCounts(of: known.keys.sorted(), timeoutMillis: 3_000)
            else { continue }
            let new = counts.reduce(0) { $0 + max(0, Int($1.value) - Int(known[$1.key] ?? 0)) }
            if new != reported {
                reported = new
                report(new)
                log(
                    .warning, "topics have new partitions that this run does not read; restart the job to read them",
                    ["newPartitions": "\(new)"])
            }
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
