import StreamRuntime
import Synchronization

/// Who decides whether an outbox may send now, and hears what comes of it. Callable from any thread.
protocol OutboxGate: AnyObject, Sendable {
    /// The producer for the outbox's `ordinal`-th epoch (0 = the one it began in), with the tag its
    /// messages carry; `nil` while that epoch may not send yet.
    func producer(ordinal: Int) throws -> (KafkaProducer, tag: UInt)?
    /// `count` messages with `tag` are about to be handed over (a correction is negative).
    func willSend(_ count: Int, tag: UInt)
    /// Everything the outbox holds of `epoch` has been handed over.
    func ended(_ epoch: Epoch, ordinal: Int)
    /// Handing over failed: the attempt is over.
    func failed(_ error: any Error)
    /// Throws once the attempt is over.
    func check() throws
}

/// What one writer has written and its producer has not yet taken, in order, with the ends of epochs in
/// between. Filled by the task thread; emptied by whoever finds the gate open: the task thread, the
/// producer's poller when there is room again, the domain's thread when it opens an epoch.
final class Outbox: Sendable {
    /// Above one of these the writer is not ready: back-pressure (per writer).
    static let messagesMax = 16_384
    static let bytesMax = 16 << 20

    private enum Item {
        case batch(MessageBatch, next: Int)
        case end(Epoch)
    }
    private struct State {
        var items: [Item] = []
        var head = 0
        var messages = 0
        var bytes = 0
        var ordinal = 0
        var spare: [MessageBatch] = []
        var mustWake = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let gate: any OutboxGate
    private let wake: @Sendable () -> Void

    init(gate: any OutboxGate, wake: @escaping @Sendable () -> Void) {
        self.gate = gate
        self.wake = wake
    }

    /// False while the writer should not be fed. Asks for a `wake` when it will be true again.
    /// True after a failure, so that the next write meets it.
    var isReady: Bool {
        let isFull = state.withLock { state in
            let isFull = state.messages >= Self.messagesMax || state.bytes >= Self.bytesMax
            state.mustWake = state.mustWake || isFull
            return isFull
        }
        return !isFull || (try? gate.check()) == nil
    }

    /// Appends a batch and gives back an empty one to fill.
    func push(_ batch: MessageBatch) throws -> MessageBatch {
        try gate.check()
        let next = state.withLock { state in
            state.items.append(.batch(batch, next: 0))
            state.messages += batch.entries.count
            state.bytes += batch.byteCount
            return state.spare.popLast()
        }
        drain()
        try gate.check()
        return next ?? MessageBatch()
    }

    func endEpoch(_ epoch: Epoch) throws {
        try gate.check()
        state.withLock { $0.items.append(.end(epoch)) }
        drain()
        try gate.check()
    }

    /// Hands over what the gate and the local queue allow. Any thread; never blocks on the network.
    func drain() {
        var ended: [(Epoch, Int)] = []
        let shouldWake = state.withLock { state in
            do {
                while try step(&state, &ended) {}
            } catch {
                gate.failed(error)
                state.isClosed = true
            }
            let hasRoom = state.messages < Self.messagesMax / 2 && state.bytes < Self.bytesMax / 2
            guard state.mustWake, hasRoom || state.isClosed else { return false }
            state.mustWake = false
            return true
        }
        for (epoch, ordinal) in ended { gate.ended(epoch, ordinal: ordinal) }
        if shouldWake { wake() }
    }

    /// One item or part of one; false when there is nothing to do now.
    private func step(_ state: inout State, _ ended: inout [(Epoch, Int)]) throws -> Bool {
        if state.isClosed || state.head == state.items.count { return false }
        switch state.items[state.head] {
        case .end(let epoch):
            ended.append((epoch, state.ordinal))
            state.ordinal += 1
        case .batch(let batch, let next):
            guard let (producer, tag) = try gate.producer(ordinal: state.ordinal) else { return false }
            let wanted = batch.entries.count - next
            gate.willSend(wanted, tag: tag)
            let taken = try producer.produce(batch, from: next, tag: tag)
            state.messages -= taken
            guard taken == wanted else {
                producer.hasBacklog.store(true, ordering: .relaxed)
                gate.willSend(taken - wanted, tag: tag)
                state.items[state.head] = .batch(batch, next: next + taken)
                return false
            }
            state.bytes -= batch.byteCount
            batch.removeAll()
            if state.spare.count < 4 { state.spare.append(batch) }
        }
        state.head += 1
        if state.head == state.items.count || state.head > 1024 {
            state.items.removeFirst(state.head)
            state.head = 0
        }
        return true
    }

    /// Wakes the task thread: there is an error to meet, or an epoch is acknowledged.
    func wakeTask() { wake() }

    func close() {
        state.withLock { state in
            state.isClosed = true
            state.items.removeAll()
            state.head = 0
        }
    }
}
