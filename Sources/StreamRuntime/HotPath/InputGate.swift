/// The reading end of a task: its input channels, read in turn, with barriers aligned across them.
/// Owned by one task thread.
final class InputGate {
    enum Event {
        /// A batch is in hand: `current`.
        case records
        /// The epoch is complete on every input.
        case barrier(Epoch)
        /// Every input has said that no more records come.
        case drained
        case nothing
    }

    struct Batch {
        var memory: UnsafeMutableRawPointer
        var count: Int
        /// The next record to run through the chain.
        var index: Int
        var channel: Int
    }

    private let channels: [Channel]
    private var aligner: BarrierAligner
    private var drained: Set<Int> = []
    private var next = 0
    private(set) var alignmentBeganNanos: Int64 = 0
    var current: Batch?

    init(_ channels: [Channel]) {
        self.channels = channels
        aligner = BarrierAligner(inputCount: channels.count)
    }

    deinit {
        if let batch = current {
            channels[batch.channel].layout.deinitialize?(batch.memory, batch.index, batch.count)
            batch.memory.deallocate()
        }
    }

    /// Takes the next segment of any input that is not held back. `current` must be finished.
    func poll(now: () -> Int64) throws -> Event {
        for _ in 0..<channels.count {
            let input = next
            next = next + 1 == channels.count ? 0 : next + 1
            if aligner.isHeld(input) { continue }
            guard let segment = channels[input].forward.pop() else { continue }
            channels[input].producer.wakeIfAsleep()
            switch segment.kind {
            case .records:
                guard let memory = segment.memory else { continue }
                current = Batch(memory: memory, count: segment.count, index: 0, channel: input)
                return .records
            case .barrier:
                if aligner.aligning == nil { alignmentBeganNanos = now() }
                if case .aligned(let epoch) = try aligner.barrier(segment.epoch, from: input) {
                    return .barrier(epoch)
                }
            case .drain:
                drained.insert(input)
                if drained.count == channels.count { return .drained }
            }
        }
        return .nothing
    }

    /// The batch in hand has been run through the chain.
    func finishBatch() {
        guard let batch = current else { return }
        channels[batch.channel].recycle(batch.memory)
        current = nil
    }

    var hasInput: Bool {
        for input in channels.indices where !aligner.isHeld(input) && !channels[input].forward.isEmpty { return true }
        return false
    }
}
