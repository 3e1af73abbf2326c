/// The reading end of a task: its input channels, read in turn, with barriers aligned and watermarks merged
/// across them. Owned by one task thread.
final class InputGate {
    enum Event {
        /// A batch is in hand: `current`.
        case records
        /// The epoch is complete on every input.
        case barrier(Epoch)
        /// Event time has risen on the input as a whole.
        case watermark(Int64)
        /// Every input is idle.
        case idle
        /// Every input has said that no more records come.
        case drained
        case nothing
    }

    struct Batch {
        var memory: UnsafeMutableRawPointer
        var times: UnsafeMutablePointer<Int64>?
        var count: Int
        /// The next record to run through the chain.
        var index: Int
        var channel: Int
        /// Which input of the operator the records belong to.
        var ordinal: Int
    }

    private let channels: [Channel]
    private var aligner: BarrierAligner
    private var merger: WatermarkMerger
    private var drained: Set<Int> = []
    private var next = 0
    private(set) var alignmentBeganNanos: Int64 = 0
    var current: Batch?

    init(_ channels: [Channel]) {
        self.channels = channels
        aligner = BarrierAligner(inputCount: channels.count)
        merger = WatermarkMerger(isTimed: channels.map { $0.timesOffset != nil })
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
            let channel = channels[input]
            guard let segment = channel.forward.pop() else { continue }
            channel.producer.wakeIfAsleep()
            switch segment.kind {
            case .records:
                guard let memory = segment.memory else { continue }
                current = Batch(
                    memory: memory, times: channel.times(of: memory), count: segment.count, index: 0, channel: input,
                    ordinal: channel.ordinal)
                return .records
            case .barrier:
                if aligner.aligning == nil { alignmentBeganNanos = now() }
                if case .aligned(let epoch) = try aligner.barrier(segment.epoch, from: input) {
                    return .barrier(epoch)
                }
            case .watermark:
                if let time = merger.watermark(segment.time, from: input) { return .watermark(time) }
            case .idle:
                switch merger.idle(input) {
                case .risen(let time): return .watermark(time)
                case .allIdle: return .idle
                case .unchanged: break
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
