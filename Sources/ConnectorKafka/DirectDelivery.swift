import StreamRuntime
import Synchronization

/// The gate of a writer without transactions: its own producer, always open, counting per epoch what is
/// not acknowledged yet. Messages are tagged with their epoch's ordinal plus one.
final class DirectDelivery: OutboxGate {
    private struct State {
        var outstanding: [UInt: Int] = [:]
        /// The last epoch that was wholly handed over, and its ordinal.
        var ended: (epoch: Epoch, ordinal: Int)?
        var failure: (any Error)?
    }

    private let state = Mutex(State())
    private let isAcknowledged: Bool
    private let producer: KafkaProducer
    private let relay: Relay

    /// What the poller reaches; set right after the producer is made.
    private final class Relay: Sendable {
        struct Targets {
            weak var gate: DirectDelivery?
            var outbox: Outbox?
        }
        let targets = Mutex(Targets())
    }

    init(_ configuration: KafkaConfiguration, isAcknowledged: Bool, log: RuntimeLog) throws {
        self.isAcknowledged = isAcknowledged
        let relay = Relay()
        self.relay = relay
        producer = try KafkaProducer(
            configuration,
            settings: isAcknowledged
                ? [("enable.idempotence", "true"), ("acks", "all")]
                : [("enable.idempotence", "false"), ("acks", "1"), ("delivery.report.only.error", "true")],
            log: log, name: "weir-kafka-out"
        ) { event in
            let (gate, outbox) = relay.targets.withLock { ($0.gate, $0.outbox) }
            gate?.handle(event, outbox)
        }
    }

    func serve(_ outbox: Outbox) {
        relay.targets.withLock {
            $0.gate = self
            $0.outbox = outbox
        }
    }

    private func handle(_ event: ProducerEvent, _ outbox: Outbox?) {
        switch event {
        case .delivered(let counts):
            let isEpochDone = state.withLock { state in
                for (tag, count) in counts { state.outstanding[tag, default: 0] -= count }
                state.outstanding = state.outstanding.filter { $0.value != 0 }
                guard let ended = state.ended else { return false }
                let last = UInt(ended.ordinal) + 1
                return counts.contains { $0.key <= last && $0.value > 0 }
                    && state.outstanding.allSatisfy { $0.key > last }
            }
            if isEpochDone { outbox?.wakeTask() }
        case .failed(let error, _), .fatal(let error):
            failed(error)
            outbox?.wakeTask()
        case .tick:
            if producer.hasBacklog.exchange(false, ordering: .relaxed) { outbox?.drain() }
        }
    }

    func producer(ordinal: Int) throws -> (KafkaProducer, tag: UInt)? {
        try check()
        return (producer, tag: UInt(ordinal) + 1)
    }

    func willSend(_ count: Int, tag: UInt) {
        if isAcknowledged { state.withLock { $0.outstanding[tag, default: 0] += count } }
    }

    func ended(_ epoch: Epoch, ordinal: Int) { state.withLock { $0.ended = (epoch, ordinal) } }

    func failed(_ error: any Error) {
        state.withLock { $0.failure = $0.failure ?? KafkaMessageRefused.meaning(of: error) }
    }

    func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// True once everything written up to the end of `epoch` is acknowledged.
    func isAcknowledged(through epoch: Epoch) throws -> Bool {
        try check()
        guard isAcknowledged else { return true }
        return state.withLock { state in
            guard let ended = state.ended, ended.epoch >= epoch else { return false }
            let lastTag = ended.ordinal - Int(ended.epoch.rawValue - epoch.rawValue) + 1
            return state.outstanding.allSatisfy { $0.value == 0 || Int($0.key) > lastTag }
        }
    }

    /// Unsent and unacknowledged messages are dropped: a decided epoch has none.
    func close() {
        relay.targets.withLock { $0.outbox = nil }
        producer.purge()
        producer.stop()
    }
}
