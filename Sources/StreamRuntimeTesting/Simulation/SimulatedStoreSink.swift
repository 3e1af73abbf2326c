import StreamRuntime

/// Writes to a simulated store in batches, of which the store may leave some undone. A write must say the same however
/// often it is made: its key and value come from the record.
public struct SimulatedStoreSink<Element>: Sink {
    let host: SimulatedHost
    let write: @Sendable (Element) -> SimulatedStore.Write

    public func makeWriter(_ context: SinkWriterContext) -> SimulatedStoreWriter<Element> {
        SimulatedStoreWriter(batches: StoreBatches(host, wake: context.wake), write: write)
    }
}

public struct SimulatedStoreWriter<Element>: SinkWriter {
    let batches: StoreBatches
    let write: @Sendable (Element) -> SimulatedStore.Write

    public var isReady: Bool { batches.isReady }
    public mutating func write(_ element: Element) throws { try batches.add(write(element)) }
    public mutating func flush() { batches.flush() }
    public mutating func endEpoch(_ epoch: Epoch) { batches.flush() }
    public func isAcknowledged(through epoch: Epoch) throws -> Bool {
        #if WEIR_PLANTED
            if PlantedMistake.unacknowledgedEffects.isOn { return true }
        #endif
        return batches.isEmpty
    }
    public mutating func close() { batches.close() }
}

/// What a writer has not got acknowledged. One batch is on its way at a time, so that a key's writes keep their order.
/// (That more is written meanwhile than the epoch in question only makes its acknowledgement later.)
final class StoreBatches {
    private let host: SimulatedHost
    private let wake: @Sendable () -> Void
    private var buffered: [SimulatedStore.Write] = []
    private var underWay: [SimulatedStore.Write] = []
    private var isClosed = false

    private static let batchWrites = 25
    private static let bufferedMax = 500
    private static let timeoutNanos: Int64 = 500_000_000

    init(_ host: SimulatedHost, wake: @escaping @Sendable () -> Void) {
        self.host = host
        self.wake = wake
    }

    var isEmpty: Bool { buffered.isEmpty && underWay.isEmpty }
    var isReady: Bool { buffered.count < Self.bufferedMax }

    func add(_ write: SimulatedStore.Write) throws {
        try host.life.check()
        buffered.append(write)
    }

    func flush() {
        guard underWay.isEmpty, !buffered.isEmpty else { return }
        underWay = Array(buffered.prefix(Self.batchWrites))
        buffered.removeFirst(underWay.count)
        send()
    }

    private func send() {
        let (store, world, batch) = (host.storage, host.world, underWay)
        world.after(store.writeLatency) { [self] in
            // A batch that is on its way arrives, whatever has become of its sender.
            let undone = store.putBatch(batch)
            guard !isClosed, !host.life.isDead else { return }
            guard !store.batchIsUnanswered else { return world.after(Self.timeoutNanos) { [self] in if !isClosed { send() } } }
            underWay = undone
            if undone.isEmpty { flush() } else { world.after(20_000_000) { [self] in if !isClosed { send() } } }
            if underWay.isEmpty || isReady { wake() }
        }
    }

    func close() { isClosed = true }
}
