import Synchronization

/// What the operators of one task share with the task itself. Owned by the task thread, except where noted.
public final class TaskServices: @unchecked Sendable {  // the task thread's; the flags and `waker` are thread-safe
    public let backPressure: BackPressure
    public let recordTime = RecordTime()
    let waker: Waker
    /// Requests in flight: a draining task waits until none are.
    package var pending = 0
    /// Requests that run in Swift concurrency and have not put their answer into their operator's mailbox. Any thread.
    private let requests = Atomic<Int>(0)
    /// Operators that still have timers to fire: the task takes no records.
    @usableFromInline var firing = 0
    /// Operators that are full: the task takes no records, and no timer in front of them fires.
    @usableFromInline private(set) var full = 0
    private var ticksWhenFree = false
    /// So many timers fire before the task looks at its mail and its input again: as many as a batch has records.
    @usableFromInline let timersAtOnce: Int
    /// The earliest processing time at which an operator wants a tick: for the timers of its functions.
    var nextTimerMillis = Int64.max
    /// The same in monotonic time, for waits of its own: a wall clock that is set back prolongs none.
    var nextWaitNanos = Int64.max
    let fault: StateFault
    let time = CoarseTime()
    let lists = OperatorLists()
    /// The splits of the source this task reads; empty in a task that reads none.
    @usableFromInline var splits = SplitCursor([])
    private let mailFlag = Atomic<Bool>(false)
    private let pollFlag = Atomic<Bool>(false)

    init(backPressure: BackPressure, waker: Waker, timersAtOnce: Int) {
        self.backPressure = backPressure
        fault = StateFault(raising: backPressure)
        self.waker = waker
        self.timersAtOnce = timersAtOnce
    }

    /// From any thread: an operator has mail; the task will tick.
    package func requestTick() {
        mailFlag.store(true, ordering: .releasing)
        waker.wake()
    }

    /// A request has begun. Its end follows from any thread, once the answer can be taken.
    func requestBegan() { requests.add(1, ordering: .relaxed) }
    func requestEnded() {
        mailFlag.store(true, ordering: .releasing)
        requests.subtract(1, ordering: .releasing)
        waker.wake()
    }
    var requestsInFlight: Int { requests.load(ordering: .acquiring) }

    /// From any thread: an idle source has records again.
    func requestPoll() {
        pollFlag.store(true, ordering: .releasing)
        waker.wake()
    }

    var hasPollRequest: Bool { pollFlag.load(ordering: .acquiring) }
    func takePollRequest() -> Bool {
        pollFlag.load(ordering: .relaxed) && pollFlag.exchange(false, ordering: .acquiringAndReleasing)
    }

    var takesRecords: Bool { firing == 0 && full == 0 }

    func setFull(_ isFull: Bool) {
        full += isFull ? 1 : -1
        guard full == 0, ticksWhenFree else { return }
        ticksWhenFree = false
        requestTick()
    }

    /// A tick with the next step, or once no operator is full any more.
    @usableFromInline func requestTickWhenFree() {
        if full == 0 { requestTick() } else { ticksWhenFree = true }
    }

    package func wantTimer(at millis: Int64) { nextTimerMillis = min(nextTimerMillis, millis) }
    func wantTick(atNanos nanos: Int64) { nextWaitNanos = min(nextWaitNanos, nanos) }
    func wantTick(atMonotonicMillis millis: Int64) { wantTick(atNanos: min(millis, .max / 1_000_000) * 1_000_000) }

    var hasMail: Bool { mailFlag.load(ordering: .acquiring) }
    func takeMail() -> Bool { mailFlag.exchange(false, ordering: .acquiringAndReleasing) }
}

/// What an operator is given when its subtask is made.
public struct OperatorContext {
    public let operatorID: OperatorID
    public let subtask: Int
    public let parallelism: Int
    public let keyGroups: KeyGroups
    /// The key groups this subtask owns.
    public let ownedKeyGroups: Range<Int>
    public let log: RuntimeLog
    public let metrics: MetricRegistry
    public let clock: any RuntimeClock
    @usableFromInline package let services: TaskServices
    @usableFromInline package let makeState: () throws -> OperatorState
    /// What the checkpoint holds of this operator's lists, for this subtask's key groups, in order.
    package let restoredList: (_ name: String, _ schema: String) throws -> [OperatorList.Item]
    /// The same for every key group: what all subtasks of the operator wrote.
    package let restoredUnionList: (_ name: String, _ schema: String) throws -> [OperatorList.Item]
    /// One share of a list that is dealt out.
    let restoredShare: (_ name: String, _ schema: String, OperatorList.Share) throws -> [OperatorList.Item]
    /// To each stream that reads the operator's side output of this name.
    let sideOutputs: (_ name: String) -> [OutputGate]
    package let alignments: WatermarkAlignments
    package let pauses: PauseReasons
}

/// Builds one subtask: handed down a chain as it is connected, it supplies contexts and gates, and
/// collects what the task needs to know. Used once, by the thread that starts the job.
public final class TaskBuilder {
    let vertex: Vertex
    let subtask: Int
    @usableFromInline let backPressure: BackPressure
    @usableFromInline let recordTime: RecordTime
    let services: TaskServices
    /// To the consumers of the chain's end, then to those of its operators' side outputs.
    let outputs: [OutputGate]
    let mainOutputs: [OutputGate]
    private let sideOutputs: [SideGate]
    @usableFromInline let signals: TaskOutputs
    @usableFromInline let outputIsRoundRobin: [Bool]
    let environment: TaskEnvironment
    /// By the inputs of the chain's first operator.
    private(set) var inputLayouts: [ElementLayout] = []
    /// Records sent to other tasks, published by the task between batches.
    let recordsSent: MetricRegistry.Cell
    private(set) var sinks: [SinkHandle] = []
    private(set) var states: [OperatorState] = []
    /// The side outputs that operators have asked for.
    private var emitted: [(node: NodeIndex, name: String)] = []
    private(set) var sourceOperator: OperatorID?

    init(
        vertex: Vertex, subtask: Int, services: TaskServices, outputs: [OutputGate], outputIsRoundRobin: [Bool],
        sideOutputs: [SideGate], environment: TaskEnvironment
    ) {
        self.vertex = vertex
        self.subtask = subtask
        self.services = services
        self.outputs = outputs + sideOutputs.map(\.gate)
        mainOutputs = outputs
        self.sideOutputs = sideOutputs
        self.outputIsRoundRobin = outputIsRoundRobin
        signals = TaskOutputs(self.outputs)
        recordTime = services.recordTime
        self.environment = environment
        backPressure = services.backPressure
        let head = environment.graph.node(vertex.start)
        if head.isSource {
            let splits = environment.assignments(of: head.id, subtask: subtask, parallelism: vertex.parallelism).map(\.split)
            services.splits = SplitCursor(splits, onEnd: { [unowned services] in services.requestTick() })
            if splits.isEmpty { services.splits.end(0) }  // more subtasks than splits: this one waits for nothing
        }
        recordsSent = environment.metrics.counter(
            .recordsSent, labels: ["task": vertex.name, "subtask": String(subtask)])
    }

    /// Where an operator in the middle of the chain puts what it does not put into the chain.
    struct SideGate {
        let node: NodeIndex
        let name: String
        let gate: OutputGate
    }

    /// A sink at the end of the chain, without its type.
    struct SinkHandle {
        let isReady: () -> Bool
        let isAcknowledged: (Epoch) throws -> Bool
    }

    /// The task could not be built: closes the state of the operator that could not be made. What stands behind it is closed
    /// already (`inFront`).
    func abandon() { for state in states { state.close() } }

    /// A stream reads a side output that its operator does not have: it would never get a record.
    func checkSideOutputs() throws {
        for side in sideOutputs where !emitted.contains(where: { $0.node == side.node && $0.name == side.name }) {
            throw GraphError(
                "operator '\(environment.graph.node(side.node).id)' puts nothing out beside its results as '\(side.name)', which "
                    + "a stream reads: call .sideOutput right behind the operator that does, and tell that one of the output")
        }
    }

    @usableFromInline func startsAt(_ node: NodeIndex) -> Bool { vertex.start == node }

    @usableFromInline func declareInput(_ layout: ElementLayout) { inputLayouts.append(layout) }

    @usableFromInline func meter(_ node: NodeIndex) -> OperatorMeter {
        let graph = environment.graph
        return OperatorMeter(
            environment.metrics, clock: environment.clock, operatorID: graph.node(node).id, subtask: subtask,
            sourceNames: { graph.node(NodeIndex($0)).id.rawValue })
    }

    @usableFromInline func operatorContext(_ node: NodeIndex) -> OperatorContext {
        let id = environment.graph.node(node).id
        return OperatorContext(
            operatorID: id, subtask: subtask, parallelism: vertex.parallelism, keyGroups: environment.keyGroups,
            ownedKeyGroups: environment.keyGroups.range(of: subtask, parallelism: vertex.parallelism),
            log: environment.log.with(["operator": id.rawValue, "subtask": String(subtask)]),
            metrics: environment.metrics, clock: environment.clock, services: services,
            makeState: { [self] in
                let state = try OperatorState(
                    environment.stateStoreContext(id, subtask: subtask, parallelism: vertex.parallelism),
                    backend: environment.backend, fault: services.fault, time: services.time)
                states.append(state)
                return state
            },
            restoredList: { [self] name, schema in
                try environment.restoredList(
                    id, name, schema, owned: environment.keyGroups.range(of: subtask, parallelism: vertex.parallelism))
            },
            restoredUnionList: { [environment] name, schema in
                try environment.restoredList(id, name, schema, owned: 0..<environment.keyGroups.count)
            },
            restoredShare: { [environment] name, schema, share in
                try environment.restore.share(share, of: id, name, schema, files: environment.files)
            },
            sideOutputs: { [self] name in
                emitted.append((node, name))
                return sideOutputs.filter { $0.node == node && $0.name == name }.map(\.gate)
            },
            alignments: environment.alignments,
            pauses: environment.pauses)
    }

    private func assignments(_ source: OperatorID) -> [SplitPosition] {
        environment.assignments(of: source, subtask: subtask, parallelism: vertex.parallelism)
    }

    @usableFromInline func sourceReaderContext(_ node: NodeIndex) -> SourceReaderContext {
        let id = environment.graph.node(node).id
        sourceOperator = id
        let services = services
        return SourceReaderContext(
            source: environment.sourceContext(id), subtask: subtask, parallelism: vertex.parallelism,
            assignments: assignments(id), backPressure: backPressure, wake: { services.requestPoll() },
            metrics: environment.metrics, clock: environment.clock, splits: services.splits)
    }

    @usableFromInline func sinkEnd<S: Sink>(_ sink: S, _ node: NodeIndex) throws -> SinkEnd<S.Writer> {
        let id = environment.graph.node(node).id
        let waker = services.waker
        let made = try sink.makeWriter(
            SinkWriterContext(
                operatorID: id, job: environment.job, subtask: subtask, parallelism: vertex.parallelism,
                log: environment.log.with(["operator": id.rawValue, "subtask": String(subtask)]),
                wake: { waker.wake() }, metrics: environment.metrics, clock: environment.clock,
                pauses: environment.pauses))
        let writer = UnsafeMutablePointer<S.Writer>.allocate(capacity: 1)
        writer.initialize(to: made)
        sinks.append(
            SinkHandle(
                isReady: { writer.pointee.isReady },
                isAcknowledged: { try writer.pointee.isAcknowledged(through: $0) }))
        return SinkEnd(writer, backPressure, signals, meter(node))
    }

    @usableFromInline static func close<Writer: SinkWriter>(_ writer: UnsafeMutablePointer<Writer>) {
        writer.pointee.close()
        writer.deinitialize(count: 1)
        writer.deallocate()
    }
}

/// The end of a chain that leads into a sink.
public struct SinkEnd<Writer: SinkWriter>: Collector {
    /// Owned by the task; freed on `close`.
    @usableFromInline let writer: UnsafeMutablePointer<Writer>
    @usableFromInline let backPressure: BackPressure
    /// The chain ends here; its operators' side outputs may not.
    @usableFromInline let outputs: TaskOutputs
    @usableFromInline var recordsIn = 0
    @usableFromInline let meter: OperatorMeter

    @usableFromInline init(
        _ writer: UnsafeMutablePointer<Writer>, _ backPressure: BackPressure, _ outputs: TaskOutputs,
        _ meter: OperatorMeter
    ) {
        self.writer = writer
        self.outputs = outputs
        self.backPressure = backPressure
        self.meter = meter
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Writer.Element) throws {
        recordsIn &+= 1
        try writer.pointee.write(element)
        if !writer.pointee.isReady { backPressure.raise() }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {
        meter.reached(signal, after: recordsIn)
        switch signal {
        case .barrier(let snapshot): try writer.pointee.endEpoch(snapshot.epoch)
        case .flush: try writer.pointee.flush()
        case .close: TaskBuilder.close(writer)
        case .watermark, .idle, .marker: outputs.handle(signal)
        case .tick, .decided: break
        }
    }
}
