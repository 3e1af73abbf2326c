/// The writing end of one edge of a task: a channel to each downstream subtask, with the batch being
/// filled for it. Routers write records through `cursors`; everything else happens here.
/// Owned by one task thread.
///
/// A full ring never loses or blocks anything: the batch waits in `overflow`, back-pressure is raised,
/// and the task takes no further record until the overflow is gone.
public final class OutputGate {
    /// Where the next record for one downstream subtask goes.
    @usableFromInline struct Cursor {
        @usableFromInline var next: UnsafeMutableRawPointer
        @usableFromInline var end: UnsafeMutableRawPointer
        /// Where its event time goes. On an edge without event time nobody writes here.
        @usableFromInline var nextTime: UnsafeMutablePointer<Int64>
    }

    @usableFromInline let cursors: UnsafeMutablePointer<Cursor>
    /// Whose turn it is, when batches are dealt out; the next one's once a batch has left, full or not.
    @usableFromInline let turn: UnsafeMutablePointer<Int>
    @usableFromInline let targetCount: Int
    @usableFromInline let isTimed: Bool
    private let channels: [Channel]
    private var starts: [UnsafeMutableRawPointer]
    private var overflow: [[Segment]]
    private var overflowCount = 0
    private let backPressure: BackPressure
    private let layout: ElementLayout
    private let batchBytes: Int
    private(set) var recordsOut = 0
    private var markerTarget = 0

    init(_ channels: [Channel], layout: ElementLayout, backPressure: BackPressure) {
        self.channels = channels
        self.layout = layout
        self.backPressure = backPressure
        targetCount = channels.count
        isTimed = channels.first?.timesOffset != nil
        batchBytes = (channels.first?.batchRecords ?? 0) * layout.stride
        starts = channels.map { $0.freshBatch() }
        overflow = channels.map { _ in [] }
        cursors = .allocate(capacity: max(1, channels.count))
        turn = .allocate(capacity: 1)
        turn.initialize(to: 0)
        for target in channels.indices {
            (cursors + target).initialize(to: cursor(target))
        }
    }

    deinit {
        for target in channels.indices {
            layout.deinitialize?(starts[target], 0, filled(target))
            starts[target].deallocate()
            for segment in overflow[target] {
                guard let memory = segment.memory else { continue }
                layout.deinitialize?(memory, 0, segment.count)
                memory.deallocate()
            }
        }
        cursors.deallocate()
        turn.deallocate()
    }

    /// Whether its records are of this type.
    func carries<Element>(_: Element.Type) -> Bool { layout.type == ObjectIdentifier(Element.self) }

    private func cursor(_ target: Int) -> Cursor {
        let start = starts[target]
        return Cursor(
            next: start, end: start + batchBytes,
            nextTime: channels[target].times(of: start) ?? start.assumingMemoryBound(to: Int64.self))
    }

    private func filled(_ target: Int) -> Int { (cursors[target].next - starts[target]) / layout.stride }

    /// Sends the batch for `target`, unless it is empty, and begins another.
    @inline(never)
    @usableFromInline func rotate(_ target: Int) {
        let count = filled(target)
        guard count > 0 else { return }
        recordsOut += count
        send(.records(starts[target], count), to: target)
        starts[target] = channels[target].freshBatch()
        cursors[target] = cursor(target)
        if target == turn.pointee { turn.pointee = (target + 1) % targetCount }
    }

    private func send(_ segment: Segment, to target: Int) {
        if overflow[target].isEmpty, channels[target].forward.push(segment) {
            channels[target].consumer.wakeIfAsleep()
            return
        }
        overflow[target].append(segment)
        overflowCount += 1
        backPressure.raise()
    }

    /// Sends every batch that holds at least one record.
    func flush() { for target in channels.indices { rotate(target) } }

    /// Sends what is buffered, then `segment`, to every downstream subtask.
    func broadcast(_ segment: Segment) {
        flush()
        for target in channels.indices { send(segment, to: target) }
    }

    /// Sends a latency marker to one downstream subtask, each in turn, behind what is buffered for it.
    func send(_ marker: LatencyMarker) {
        markerTarget = (markerTarget + 1) % channels.count
        rotate(markerTarget)
        send(.marker(marker), to: markerTarget)
    }

    /// Tries to send what waits. True when nothing waits any longer.
    func drainOverflow() -> Bool {
        guard overflowCount > 0 else { return true }
        for target in channels.indices where !overflow[target].isEmpty {
            var sent = 0
            for segment in overflow[target] {
                guard channels[target].forward.push(segment) else { break }
                sent += 1
            }
            guard sent > 0 else { continue }
            overflow[target].removeFirst(sent)
            overflowCount -= sent
            channels[target].consumer.wakeIfAsleep()
        }
        return overflowCount == 0
    }

    /// True when a ring that overflow waits for has room again.
    var canProgress: Bool {
        channels.indices.contains { !overflow[$0].isEmpty && !channels[$0].forward.isFull }
    }
}
