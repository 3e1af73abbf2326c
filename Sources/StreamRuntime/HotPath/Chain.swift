// How operators fuse. A `Chain` is the *recipe* of everything upstream of a point in the graph, up to the
// nearest source or exchange; its type spells the operators out (`Stage<Stage<SourceHead<S>, Map<…>>, …>`).
// `connect` puts a collector at its end and works backwards: each stage wraps the collector in its own
// operator, the head closes the chain into one loop over a batch. All of it is generic and inlinable, so
// the loop is compiled, specialised, in the job author's module; it is reached through one closure call
// a batch (a generic class behind `any` would run unspecialised, about seven times slower).

/// The recipe of a fused run of operators that produces `Element`s.
public protocol Chain<Element>: Sendable {
    associatedtype Element

    /// The task that feeds `end` with what this chain produces.
    func connect<End: Collector>(_ end: End, _ task: TaskBuilder) throws -> TaskBody where End.Element == Element
}

/// An operator and everything behind it: the link of which fused chains are made.
public struct Link<Op: Operator, Down: Collector>: Collector where Down.Element == Op.Output {
    @usableFromInline var op: Op
    @usableFromInline var down: Down
    /// Counted here, in a register, and published between batches.
    @usableFromInline var recordsIn = 0
    @usableFromInline let meter: OperatorMeter

    @inlinable init(_ op: Op, _ down: Down, _ meter: OperatorMeter) {
        self.op = op
        self.down = down
        self.meter = meter
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Op.Input) throws {
        recordsIn &+= 1
        try op.process(element, into: &down)
    }

    @inlinable public static var prefetches: Bool { Op.prefetches }
    @inlinable @inline(__always)
    public func prefetch(_ element: Op.Input) { op.prefetch(element) }
    @inlinable public func readAhead(_ elements: UnsafeBufferPointer<Op.Input>) { op.readAhead(elements) }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {
        meter.reached(signal, after: recordsIn)
        try op.handle(signal, into: &down)
    }
}

/// An operator with two inputs and everything behind it: the beginning of a chain.
public struct PairLink<Op: PairOperator, Down: Collector>: SendableMetatype where Down.Element == Op.Output {
    @usableFromInline var op: Op
    @usableFromInline var down: Down
    @usableFromInline var recordsIn = 0
    @usableFromInline let meter: OperatorMeter

    @inlinable init(_ op: Op, _ down: Down, _ meter: OperatorMeter) {
        self.op = op
        self.down = down
        self.meter = meter
    }

    @inlinable mutating func handle(_ signal: ChainSignal) throws {
        meter.reached(signal, after: recordsIn)
        try op.handle(signal, into: &down)
    }
}

/// A chain with one more operator at its end.
public struct Stage<Up: Chain, Op: Operator>: Chain where Op.Input == Up.Element {
    public typealias Element = Op.Output
    @usableFromInline let up: Up
    @usableFromInline let node: NodeIndex
    @usableFromInline let make: @Sendable (OperatorContext) throws -> Op

    @inlinable init(_ up: Up, _ node: NodeIndex, _ make: @escaping @Sendable (OperatorContext) throws -> Op) {
        self.up = up
        self.node = node
        self.make = make
    }

    @inlinable public func connect<End: Collector>(_ end: End, _ task: TaskBuilder) throws -> TaskBody
    where End.Element == Element {
        let link = try task.link(node, end) { try make(task.operatorContext(node)) }
        // The planner cuts the chain here when parallelism differs or the upstream has several consumers.
        return task.startsAt(node) ? try task.inputHead(link) : try up.connect(link, task)
    }
}

/// A chain that begins at an exchange: its records come out of input channels.
public struct InputHead<Element>: Chain {
    @inlinable init() {}

    @inlinable public func connect<End: Collector>(_ end: End, _ task: TaskBuilder) throws -> TaskBody
    where End.Element == Element {
        try task.inputHead(end)
    }
}

/// A chain that begins at an operator with two inputs.
public struct PairHead<Op: PairOperator>: Chain {
    public typealias Element = Op.Output
    @usableFromInline let node: NodeIndex
    @usableFromInline let make: @Sendable (OperatorContext) throws -> Op

    @inlinable init(_ node: NodeIndex, _ make: @escaping @Sendable (OperatorContext) throws -> Op) {
        self.node = node
        self.make = make
    }

    @inlinable public func connect<End: Collector>(_ end: End, _ task: TaskBuilder) throws -> TaskBody
    where End.Element == Element {
        let made = try task.inFront(of: end) { try make(task.operatorContext(node)) }
        return try task.pairHead(PairLink(made, end, task.meter(node)))
    }
}

/// A chain that begins at a source.
public struct SourceHead<S: Source>: Chain {
    public typealias Element = S.Element
    @usableFromInline let source: S
    @usableFromInline let node: NodeIndex

    @inlinable init(_ source: S, _ node: NodeIndex) {
        self.source = source
        self.node = node
    }

    @inlinable public func connect<End: Collector>(_ end: End, _ task: TaskBuilder) throws -> TaskBody
    where End.Element == Element {
        try task.sourceHead(source, node, end)
    }
}

/// What a task runs: closures over one specialised chain. Owned by one task thread.
public struct TaskBody {
    /// Runs records `index..<count` of a batch, with their timestamps where they have any, through the chain; stops
    /// early under back-pressure. `index` is where it stopped, also when it throws.
    public typealias Consume = (
        UnsafeMutableRawPointer, _ times: UnsafeMutablePointer<Int64>?, _ index: inout Int, _ count: Int
    ) throws -> Void
    /// One for each input of the first operator: none for a source, two for a connected pair.
    @usableFromInline let consume: [Consume]
    @usableFromInline let poll: ((_ budget: Int) throws -> SourceStatus)?
    @usableFromInline let positions: (() -> [SplitPosition])?
    @usableFromInline let decided: (([SplitPosition]) -> Void)?
    @usableFromInline let lag: (() -> [(split: String, records: Int64)])?
    @usableFromInline let handle: (ChainSignal) throws -> Void
    @usableFromInline let dispose: () -> Void

    @inlinable init(
        consume: [Consume],
        poll: ((Int) throws -> SourceStatus)? = nil, positions: (() -> [SplitPosition])? = nil,
        decided: (([SplitPosition]) -> Void)? = nil, lag: (() -> [(split: String, records: Int64)])? = nil,
        handle: @escaping (ChainSignal) throws -> Void, dispose: @escaping () -> Void
    ) {
        self.consume = consume
        self.poll = poll
        self.positions = positions
        self.decided = decided
        self.lag = lag
        self.handle = handle
        self.dispose = dispose
    }
}

/// How a record enters a chain. Static, so that the loop over a batch is specialised for it.
public protocol Intake: SendableMetatype {
    associatedtype Head
    associatedtype Record
    static func take(_ record: consuming Record, into head: inout Head) throws
    static var prefetches: Bool { get }
    static func prefetch(_ record: Record, for head: Head)
    static func readAhead(_ records: UnsafeBufferPointer<Record>, for head: Head)
}

extension Intake {
    @inlinable public static var prefetches: Bool { false }
    @inlinable public static func prefetch(_ record: Record, for head: Head) {}
    @inlinable public static func readAhead(_ records: UnsafeBufferPointer<Record>, for head: Head) {}
}

public enum OnlyIntake<Head: Collector>: Intake {
    @inlinable @inline(__always)
    public static func take(_ record: consuming Head.Element, into head: inout Head) throws { try head.collect(record) }
    @inlinable public static var prefetches: Bool { Head.prefetches }
    @inlinable @inline(__always)
    public static func prefetch(_ record: Head.Element, for head: Head) { head.prefetch(record) }
    @inlinable public static func readAhead(_ records: UnsafeBufferPointer<Head.Element>, for head: Head) {
        head.readAhead(records)
    }
}

public enum FirstIntake<Op: PairOperator, Down: Collector>: Intake where Down.Element == Op.Output {
    @inlinable @inline(__always)
    public static func take(_ record: consuming Op.First, into head: inout PairLink<Op, Down>) throws {
        head.recordsIn &+= 1
        try head.op.processFirst(record, into: &head.down)
    }
}

public enum SecondIntake<Op: PairOperator, Down: Collector>: Intake where Down.Element == Op.Output {
    @inlinable @inline(__always)
    public static func take(_ record: consuming Op.Second, into head: inout PairLink<Op, Down>) throws {
        head.recordsIn &+= 1
        try head.op.processSecond(record, into: &head.down)
    }
}

/// So many records ahead of the one that is processed: more than the processor has in flight, and as many cache misses as
/// it bears at once.
@inlinable var prefetchDistance: Int { 12 }

extension TaskBuilder {
    /// What `make` makes to stand in front of `end`. When it throws, `end` is closed: nothing will reach it any more.
    @inlinable func inFront<End: Collector, Made>(of end: End, _ make: () throws -> Made) throws -> Made {
        do { return try make() } catch {
            var end = end
            try? end.handle(.close)
            throw error
        }
    }

    /// The operator at `node`, which `make` makes, in front of `end`.
    @inlinable func link<Op: Operator, End: Collector>(
        _ node: NodeIndex, _ end: End, _ make: () throws -> Op
    ) throws -> Link<Op, End> {
        Link(try inFront(of: end, make), end, meter(node))
    }

    @inlinable func inputHead<Head: Collector>(_ head: Head) throws -> TaskBody {
        let cell = UnsafeMutablePointer<Head>.allocate(capacity: 1)
        cell.initialize(to: head)
        return TaskBody(
            consume: [consume(cell, OnlyIntake<Head>.self)],
            handle: { try cell.pointee.handle($0) },
            dispose: {
                cell.deinitialize(count: 1)
                cell.deallocate()
            })
    }

    @inlinable func pairHead<Op: PairOperator, Down: Collector>(_ head: PairLink<Op, Down>) throws -> TaskBody {
        let cell = UnsafeMutablePointer<PairLink<Op, Down>>.allocate(capacity: 1)
        cell.initialize(to: head)
        return TaskBody(
            consume: [consume(cell, FirstIntake<Op, Down>.self), consume(cell, SecondIntake<Op, Down>.self)],
            handle: { try cell.pointee.handle($0) },
            dispose: {
                cell.deinitialize(count: 1)
                cell.deallocate()
            })
    }

    /// The loop over a batch whose records `In` brings into the chain in `cell`.
    @inlinable func consume<In: Intake>(_ cell: UnsafeMutablePointer<In.Head>, _: In.Type) -> TaskBody.Consume {
        declareInput(ElementLayout(In.Record.self))
        let (backPressure, recordTime) = (backPressure, recordTime)
        return { raw, times, index, count in
            let base = raw.assumingMemoryBound(to: In.Record.self)
            var chain = cell.move()  // in registers for the batch, and uniquely owned
            defer { cell.initialize(to: chain) }
            if times == nil { recordTime.millis = .min }  // what another input left there
            In.readAhead(UnsafeBufferPointer(start: base + index, count: count &- index), for: chain)
            while index < count {
                if In.prefetches, index &+ prefetchDistance < count {
                    In.prefetch((base + (index &+ prefetchDistance)).pointee, for: chain)
                }
                if let times { recordTime.millis = times[index] }
                let record = (base + index).move()
                index &+= 1
                try In.take(record, into: &chain)
                if backPressure.isRaised { return }
            }
        }
    }

    @inlinable func sourceHead<S: Source, Head: Collector>(_ source: S, _ node: NodeIndex, _ head: Head) throws -> TaskBody
    where Head.Element == S.Element {
        // First: what throws leaves no cells.
        let made = try inFront(of: head) { try source.makeReader(sourceReaderContext(node)) }
        let reader = UnsafeMutablePointer<S.Reader>.allocate(capacity: 1)
        reader.initialize(to: made)
        let cell = UnsafeMutablePointer<Head>.allocate(capacity: 1)
        cell.initialize(to: head)
        return TaskBody(
            consume: [],
            poll: { budget in
                var chain = cell.move()
                defer { cell.initialize(to: chain) }
                return try reader.pointee.poll(into: &chain, budget: budget)
            },
            positions: { reader.pointee.positions() },
            decided: { reader.pointee.checkpointDecided($0) },
            lag: { reader.pointee.lag() },
            handle: { try cell.pointee.handle($0) },
            dispose: {
                reader.pointee.close()
                reader.deinitialize(count: 1)
                reader.deallocate()
                cell.deinitialize(count: 1)
                cell.deallocate()
            })
    }
}
