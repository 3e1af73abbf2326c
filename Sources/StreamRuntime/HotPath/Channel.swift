import Synchronization

/// Size and cleaning-up of a record type, so that channels can move batches without knowing it.
public struct ElementLayout: @unchecked Sendable {  // immutable; its closure only knows a type
    @usableFromInline let stride: Int
    @usableFromInline let alignment: Int
    @usableFromInline let type: ObjectIdentifier
    /// `nil` for trivial types.
    @usableFromInline let deinitialize: ((UnsafeMutableRawPointer, _ from: Int, _ to: Int) -> Void)?

    @inlinable init<Element>(_: Element.Type) {
        stride = max(1, MemoryLayout<Element>.stride)
        alignment = max(16, MemoryLayout<Element>.alignment)
        type = ObjectIdentifier(Element.self)
        if _isPOD(Element.self) {
            deinitialize = nil
        } else {
            deinitialize = { raw, from, to in
                _ = (raw.assumingMemoryBound(to: Element.self) + from).deinitialize(count: to - from)
            }
        }
    }
}

/// What travels through a channel, in order.
struct Segment {
    enum Kind: UInt8 {
        /// A batch of `count` records at `memory`.
        case records
        /// The epoch `epoch` ends here.
        case barrier
        /// No more records come before the final barrier.
        case drain
        /// Event time has reached `time` on this channel.
        case watermark
        /// This channel holds event time back no longer, until its next watermark.
        case idle
        /// From the source with the node `count`, due at `time`.
        case marker
    }
    var memory: UnsafeMutableRawPointer?
    var count = 0
    var epoch = Epoch.genesis
    var time: Int64 = 0
    var kind: Kind

    static func records(_ memory: UnsafeMutableRawPointer, _ count: Int) -> Segment {
        Segment(memory: memory, count: count, kind: .records)
    }
    static func barrier(_ epoch: Epoch) -> Segment { Segment(epoch: epoch, kind: .barrier) }
    static var drain: Segment { Segment(kind: .drain) }
    static func watermark(_ time: Int64) -> Segment { Segment(time: time, kind: .watermark) }
    static var idle: Segment { Segment(kind: .idle) }
    static func marker(_ marker: LatencyMarker) -> Segment {
        Segment(count: marker.source, time: marker.dueNanos, kind: .marker)
    }
}

/// A bounded single-producer single-consumer ring (Lamport's queue with acquire/release counters).
/// `push` is for one thread, `pop` for another; both are wait-free.
final class Ring<Item>: @unchecked Sendable {  // each end owned by one thread; the counters order the slots
    private let items: UnsafeMutablePointer<Item>
    private let mask: Int
    // On cache lines of their own: the two ends would slow one another down otherwise.
    private let padding0 = (0, 0, 0, 0, 0, 0, 0, 0)
    private let head = Atomic<Int>(0)
    private let padding1 = (0, 0, 0, 0, 0, 0, 0, 0)
    private let tail = Atomic<Int>(0)
    private let padding2 = (0, 0, 0, 0, 0, 0, 0, 0)

    /// `capacity` is a power of two.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "ring capacity \(capacity) is not a power of two")
        items = .allocate(capacity: capacity)
        mask = capacity - 1
    }

    deinit {
        while pop() != nil {}
        items.deallocate()
    }

    func push(_ item: consuming Item) -> Bool {
        let at = tail.load(ordering: .relaxed)
        if at &- head.load(ordering: .acquiring) > mask { return false }
        (items + (at & mask)).initialize(to: item)
        tail.store(at &+ 1, ordering: .releasing)
        return true
    }

    func pop() -> Item? {
        let at = head.load(ordering: .relaxed)
        if at == tail.load(ordering: .acquiring) { return nil }
        let item = (items + (at & mask)).move()
        head.store(at &+ 1, ordering: .releasing)
        return item
    }

    /// Reader's side: looks at what `pop` would return.
    func peek<Value>(_ read: (borrowing Item) -> Value) -> Value? {
        let at = head.load(ordering: .relaxed)
        return at == tail.load(ordering: .acquiring) ? nil : read((items + (at & mask)).pointee)
    }

    var isFull: Bool { tail.load(ordering: .relaxed) &- head.load(ordering: .acquiring) > mask }
    var isEmpty: Bool { head.load(ordering: .relaxed) == tail.load(ordering: .acquiring) }
}

/// One upstream subtask to one downstream subtask: a ring of batches, and a ring that brings emptied
/// batches back. Bounded: a full ring is back-pressure.
final class Channel: Sendable {
    /// Batches and records a batch on the way to operators that compute, and to operators that wait.
    static let capacityBatches = 16
    static let shallowCapacityBatches = 4
    static let shallowBatchRecords = 32

    let forward: Ring<Segment>
    private let recycled: Ring<UnsafeMutableRawPointer>
    let layout: ElementLayout
    let batchRecords: Int
    /// Where a batch's timestamps begin, one a record; `nil` on a channel whose records carry none.
    let timesOffset: Int?
    /// Which input of the reading operator this is: 0, or 1 for the second of two.
    let ordinal: Int
    /// The worker that runs the downstream task, woken when there is something new.
    let consumer: Waker
    /// The worker that runs the upstream task, woken when there is room again.
    let producer: Waker

    init(
        layout: ElementLayout, batchRecords: Int, isShallow: Bool, isTimed: Bool = false, ordinal: Int = 0, producer: Waker,
        consumer: Waker
    ) {
        let capacity = isShallow ? Channel.shallowCapacityBatches : Channel.capacityBatches
        self.ordinal = ordinal
        forward = Ring(capacity: capacity)
        recycled = Ring(capacity: capacity * 2)
        self.layout = layout
        self.batchRecords = isShallow ? min(batchRecords, Channel.shallowBatchRecords) : batchRecords
        timesOffset = isTimed ? (self.batchRecords * layout.stride + 7) & ~7 : nil
        self.producer = producer
        self.consumer = consumer
    }

    deinit {
        while let segment = forward.pop() {
            if let memory = segment.memory {
                layout.deinitialize?(memory, 0, segment.count)
                memory.deallocate()
            }
        }
        while let memory = recycled.pop() { memory.deallocate() }
    }

    private var batchBytes: Int {
        timesOffset.map { $0 + batchRecords * MemoryLayout<Int64>.stride } ?? batchRecords * layout.stride
    }

    /// The timestamps of a batch of this channel.
    func times(of batch: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int64>? {
        timesOffset.map { (batch + $0).assumingMemoryBound(to: Int64.self) }
    }

    /// Producer side: an empty batch.
    func freshBatch() -> UnsafeMutableRawPointer {
        recycled.pop() ?? .allocate(byteCount: batchBytes, alignment: layout.alignment)
    }

    /// Consumer side: a batch whose records have been moved out.
    func recycle(_ memory: UnsafeMutableRawPointer) {
        if !recycled.push(memory) { memory.deallocate() }
    }
}
