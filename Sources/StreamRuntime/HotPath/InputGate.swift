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
        case marker(LatencyMarker)
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
    /// Taken out because a barrier stood behind it; `poll` gives it first. As many markers as an operator holds, at most.
    private var ahead: [Event] = []
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
        if !ahead.isEmpty { return ahead.removeFirst() }
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
                if let epoch = try align(segment.epoch, from: input, now) { return .barrier(epoch) }
            case .watermark:
                if let time = merger.watermark(segment.time, from: input) { return .watermark(time) }
            case .idle:
                switch merger.idle(input) {
                case .risen(let time): return .watermark(time)
                case .allIdle: return .idle
                case .unchanged: break
                }
            case .marker: return .marker(LatencyMarker(source: segment.count, dueNanos: segment.time))
            case .drain:
                if drain(input) { return .drained }
            }
        }
        return .nothing
    }

    /// Takes barriers that neither records nor event time stand before: for a task that takes no records just now.
    /// Returns the epoch that is complete with them.
    func pollBarrier(now: () -> Int64) throws -> Epoch? {
        guard current == nil else { return nil }
        for input in channels.indices {
            while isAtBarrier(input), let segment = channels[input].forward.pop() {
                channels[input].producer.wakeIfAsleep()
                switch segment.kind {
                case .barrier: if let epoch = try align(segment.epoch, from: input, now) { return epoch }
                case .marker:
                    guard ahead.count < HeldMarkers.capacity else { continue }
                    ahead.append(.marker(LatencyMarker(source: segment.count, dueNanos: segment.time)))
                default: if drain(input) { ahead.append(.drained) }
                }
            }
        }
        return nil
    }

    /// At a barrier, or at what may stand between the last record and one: a marker, or the word that no more records come.
    private func isAtBarrier(_ input: Int) -> Bool {
        guard !aligner.isHeld(input), let kind = channels[input].forward.peek({ $0.kind }) else { return false }
        return kind == .barrier || kind == .marker || kind == .drain
    }

    /// True when no input has any more records.
    private func drain(_ input: Int) -> Bool {
        drained.insert(input)
        return drained.count == channels.count
    }

    private func align(_ epoch: Epoch, from input: Int, _ now: () -> Int64) throws -> Epoch? {
        if aligner.aligning == nil { alignmentBeganNanos = now() }
        guard case .aligned(let epoch) = try aligner.barrier(epoch, from: input) else { return nil }
        return epoch
    }

    /// The batch in hand has been run through the chain.
    func finishBatch() {
        guard let batch = current else { return }
        channels[batch.channel].recycle(batch.memory)
        current = nil
    }

    var hasBarrier: Bool { current == nil && channels.indices.contains(where: isAtBarrier) }

    var hasInput: Bool {
        if !ahead.isEmpty { return true }
        for input in channels.indices where !aligner.isHeld(input) && !channels[input].forward.isEmpty { return true }
        return false
    }
}
