import Foundation
import StreamRuntime
import Synchronization

/// Looks now and then, on a thread of its own, whether the topics have got new partitions. Looks that fail are told once, until
/// one succeeds.
final class PartitionWatch: Sendable {
    private struct State {
        var isStopped = false
        var found: NewSplits?
    }
    private let state = Mutex(State())

    init(_ configuration: KafkaConfiguration, _ known: [String: Int32], everyMillis: Int, _ log: RuntimeLog) {
        let thread = Thread { [self] in watch(configuration, known, everyMillis, log) }
        thread.name = "weir-kafka-watch"
        thread.start()
    }

    /// Throws `NewSplits` once there are any.
    func check() throws {
        if let found = state.withLock({ $0.found }) { throw found }
    }

    /// Ends the thread within a few seconds; returns at once.
    func stop() { state.withLock { $0.isStopped = true } }

    private func watch(
        _ configuration: KafkaConfiguration, _ known: [String: Int32], _ everyMillis: Int, _ log: RuntimeLog
    ) {
        let isStopped: () -> Bool = { [self] in state.withLock { $0.isStopped } }
        var isFailing = false
        while true {
            sleepMillis(everyMillis, unless: isStopped)
            if isStopped() { return }
            do {
                let found = try newPartitions(configuration, known)
                if isFailing { log(.info, "topics are looked at for new partitions again", [:]) }
                isFailing = false
                if let found { return state.withLock { $0.found = found } }
            } catch {
                if !isFailing, !isStopped() {
                    log(.warning, "topics cannot be looked at for new partitions", ["error": "\(error)"])
                }
                isFailing = true
            }
        }
    }

    /// With a client of its own: minutes lie between two looks.
    private func newPartitions(_ configuration: KafkaConfiguration, _ known: [String: Int32]) throws -> NewSplits? {
        let client = try KafkaHandle(
            .consumer, configuration,
            settings: [("allow.auto.create.topics", "false"), ("group.id", "weir-watch")], log: .silent)
        let counts = try client.partitionCounts(of: known.keys.sorted(), timeoutMillis: 3_000)
        let grown = counts.filter { $0.value > known[$0.key] ?? 0 }.sorted { $0.key < $1.key }
        guard !grown.isEmpty else { return nil }
        let told = grown.map { "'\($0.key)' has \($0.value) partitions, it had \(known[$0.key] ?? 0)" }
        return NewSplits("topic " + told.joined(separator: ", topic "))
    }
}
