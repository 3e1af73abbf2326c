import Foundation
import StreamRuntime
import TransactionRules

/// One attempt of an island: its two producers, its worker thread and its writers' outboxes. Made by
/// `recover`, dead after the first failure or `close`. Writers of an older attempt keep their own session
/// and so can never reach a newer one's producers.
///
/// `@unchecked Sendable`: everything mutable is guarded by `condition`. The lock is never held while an
/// outbox or the client is called.
final class TransactionSession: OutboxGate, @unchecked Sendable {
    struct Settings {
        var configuration: KafkaConfiguration
        var decisionTopic: String
        var epochBudgetMillis: Int
        var clock: any RuntimeClock
        var timeoutMillis: Int { epochBudgetMillis * 2 }
    }

    let settings: Settings
    let owner: IslandOwner
    let worker: BlockingWorker

    private let condition = MonotonicCondition()
    private var producers: [TransactionalProducer] = []
    private var alternation = EpochAlternation()
    private var firstSendNanos: [Epoch: Int64] = [:]
    /// The commit under way, which is what opens the transaction of an epoch without records.
    private var commitStart: FenceMeaning.Opening?
    private var outboxes: [Outbox] = []
    private var failure: (any Error)?
    private var isClosed = false

    init(_ settings: Settings, owner: IslandOwner) {
        self.settings = settings
        self.owner = owner
        worker = BlockingWorker(name: "weir-kafka-txn")
    }

    private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        try condition.withLock(body)
    }

    // MARK: The gate of the writers' outboxes

    func attach(_ outbox: Outbox) throws {
        try check()
        locked { outboxes.append(outbox) }
    }

    func detach(_ outbox: Outbox) { locked { outboxes.removeAll { $0 === outbox } } }

    func producer(ordinal: Int) throws -> (KafkaProducer, tag: UInt)? {
        try locked {
            if let failure { throw failure }
            guard let epoch = alternation.sending,
                epoch.rawValue == alternation.first.rawValue + UInt64(ordinal)
            else { return nil }
            let now = settings.clock.monotonicNanos()
            if let first = firstSendNanos[epoch] {
                try checkBudget(epoch, first, now)
            } else {
                firstSendNanos[epoch] = now
            }
            return (producers[EpochAlternation.producerIndex(of: epoch)].producer, tag: 0)
        }
    }

    func willSend(_ count: Int, tag: UInt) {}

    func ended(_ epoch: Epoch, ordinal: Int) {
        advance { alternation throws(EpochAlternation.Violation) in try alternation.writerEnded(epoch) }
    }

    func failed(_ error: any Error) {
        let waiting: [Outbox] = locked {
            if failure == nil, !isClosed { failure = meaning(of: error) }
            condition.broadcast()
            return outboxes
        }
        for outbox in waiting { outbox.wakeTask() }
    }

    func check() throws {
        try locked {
            if let failure { throw failure }
            if isClosed { throw KafkaCancelled(waitingFor: "the end of the attempt") }
        }
    }

    // MARK: Epochs

    func begin(_ epoch: Epoch, writers: Int) throws {
        try check()
        advance { alternation throws(EpochAlternation.Violation) in
            try alternation.begin(epoch, writers: writers)
        }
        try worker.run("begin of epoch \(epoch)", deadlineMillis: settings.timeoutMillis) { [self] in try check() }
    }

    /// Waits until all writers have ended `epoch` and its records are acknowledged.
    func prepare(_ epoch: Epoch, timeoutMillis: Int) throws {
        advance { alternation in alternation.prepareWithoutWriters(epoch) }
        let deadline = settings.clock.monotonicNanos() + Int64(timeoutMillis) * 1_000_000
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let failure { throw failure }
            if isClosed { throw KafkaCancelled(waitingFor: "epoch \(epoch) to be acknowledged") }
            if let acknowledged = alternation.acknowledged, acknowledged >= epoch { return }
            let now = settings.clock.monotonicNanos()
            if let first = firstSendNanos[epoch] { try checkBudget(epoch, first, now) }
            if now >= deadline {
                throw KafkaCallTimedOut(
                    description: "epoch \(epoch) was not acknowledged within \(timeoutMillis) ms "
                        + "(\(alternation.phase))")
            }
            condition.wait(nanos: 50_000_000)
        }
    }

    /// Checks that `epoch` may be committed, and returns its producer.
    func producerToCommit(_ epoch: Epoch) throws -> TransactionalProducer {
        try locked {
            if let failure { throw failure }
            if epoch > .genesis {
                try alternation.checkCommit(epoch)
                if let first = firstSendNanos[epoch] {
                    try checkBudget(epoch, first, settings.clock.monotonicNanos())
                }
            }
            commitStart = FenceMeaning.Opening(epoch: epoch, nanos: settings.clock.monotonicNanos())
            return producers[EpochAlternation.producerIndex(of: epoch)]
        }
    }

    func didCommit(_ epoch: Epoch) {
        locked {
            firstSendNanos[epoch] = nil
            commitStart = nil
        }
        if epoch == .genesis { return }
        advance { alternation throws(EpochAlternation.Violation) in try alternation.committed(epoch) }
    }

    /// What ended the attempt, for the caller of the call that noticed `error`.
    func reason(of error: any Error) -> any Error { locked { meaning(of: error) } }

    /// Under the lock.
    private func meaning(of error: any Error) -> any Error {
        guard error is KafkaFenced else { return KafkaMessageRefused.meaning(of: error) }
        let openings = firstSendNanos.map { FenceMeaning.Opening(epoch: $0.key, nanos: $0.value) }
        let expiry = FenceMeaning.expiry(
            openings: openings + (commitStart.map { [$0] } ?? []), nowNanos: settings.clock.monotonicNanos(),
            timeoutMillis: settings.timeoutMillis)
        return expiry ?? error
    }

    private func checkBudget(_ epoch: Epoch, _ firstNanos: Int64, _ nowNanos: Int64) throws {
        let openMillis = (nowNanos - firstNanos) / 1_000_000
        guard openMillis > settings.epochBudgetMillis else { return }
        throw KafkaEpochExpired(
            epoch: epoch.rawValue,
            description: "epoch \(epoch) has been open for \(openMillis) ms, more than its budget of "
                + "\(settings.epochBudgetMillis) ms (half the transaction time-out); it is aborted. Checkpoint more "
                + "often, or raise epochBudgetMillis")
    }

    // MARK: Events → actions, in order, on the worker

    private func advance(
        _ event: (inout EpochAlternation) throws(EpochAlternation.Violation) -> EpochAlternation.Action?
    ) {
        do {
            // Posted under the lock, so that actions run in the order of their events.
            try locked {
                guard let action = try event(&alternation) else { return }
                worker.post { [self] in perform(action) }
            }
        } catch {
            failed(error)
        }
        locked { condition.broadcast() }
    }

    private func perform(_ action: EpochAlternation.Action) {
        do {
            switch action {
            case .open(let epoch):
                try producer(of: epoch).begin()
                advance { alternation throws(EpochAlternation.Violation) in try alternation.opened(epoch) }
                drainAll()
            case .flush(let epoch):
                try flush(epoch)
                advance { alternation throws(EpochAlternation.Violation) in try alternation.flushed(epoch) }
            }
        } catch {
            failed(error)
        }
    }

    private func producer(of epoch: Epoch) throws -> TransactionalProducer {
        try check()
        return locked { producers[EpochAlternation.producerIndex(of: epoch)] }
    }

    /// In slices, so that a failure or the end of the attempt is noticed.
    private func flush(_ epoch: Epoch) throws {
        let producer = try producer(of: epoch)
        while !producer.producer.flush(timeoutMillis: 200) { try check() }
    }

    private func drainAll() {
        for outbox in locked({ outboxes }) { outbox.drain() }
    }

    // MARK: Producers

    func makeProducer(_ index: Int) throws -> TransactionalProducer {
        let id = KafkaTransactionalID(job: owner.job, island: owner.island, producer: index).description
        return try TransactionalProducer(
            settings.configuration, transactionalID: id, timeoutMillis: settings.timeoutMillis,
            log: owner.log.with(["transactionalId": id])
        ) { [weak self] event in self?.handle(event, producer: index) }
    }

    func install(_ made: TransactionalProducer) { locked { producers.append(made) } }

    func replace(_ index: Int, by fresh: TransactionalProducer) {
        let old = locked {
            if isClosed { return fresh }  // `close` has its producers already, and would not stop this one
            let old = producers[index]
            producers[index] = fresh
            return old
        }
        old.producer.stop()
    }

    private func handle(_ event: ProducerEvent, producer index: Int) {
        switch event {
        case .failed(let error, _): failed(error)
        case .fatal(let error):
            failed(
                error.response.isFencing
                    ? KafkaFenced(description: "a newer owner of the island has taken over: \(error)") : error)
        case .delivered: break
        case .tick:
            guard let current = locked({ index < producers.count ? producers[index].producer : nil }) else { return }
            if current.hasBacklog.exchange(false, ordering: .relaxed) { drainAll() }
            expireIfOverdue()
        }
    }

    /// So that an epoch nobody asks about does not hold back its readers (rule 9).
    private func expireIfOverdue() {
        do {
            let now = settings.clock.monotonicNanos()
            try locked {
                if failure != nil || isClosed { return }
                for (epoch, first) in firstSendNanos { try checkBudget(epoch, first, now) }
            }
        } catch {
            failed(error)
        }
    }

    // MARK: End

    /// Aborts what is open and lets go of the clients, in bounded time whatever the broker does.
    func close(limitMillis: Int) {
        let (open, own): ([TransactionalProducer], [Outbox]) = locked {
            if isClosed { return ([], []) }
            isClosed = true
            condition.broadcast()
            return (producers, outboxes)
        }
        for outbox in own { outbox.close() }
        if !open.isEmpty {
            do {
                try worker.run("abort of open transactions", deadlineMillis: limitMillis) {
                    for producer in open where producer.producer.handle.fatalError == nil {
                        producer.producer.purge()
                        producer.abort(timeoutMillis: Int32(clamping: limitMillis / 3))
                    }
                }
            } catch {
                owner.log(.warning, "closing the Kafka transactions: \(error)", [:])
            }
        }
        worker.end()
        for producer in open { producer.producer.stop() }
        locked {
            producers = []
            outboxes = []
        }
    }
}
