import Synchronization

/// What the operators of one task share with the task itself. Owned by the task thread, except where noted.
public final class TaskServices: @unchecked Sendable {  // the task thread's; the flags and `waker` are thread-safe
    public let backPressure: BackPressure
    let waker: Waker
    /// Requests in flight: a draining task waits until none are.
    package var pending = 0
    /// Operators that may be full themselves: each says whether it takes records again.
    package var readiness: [() -> Bool] = []
    /// The earliest processing time at which an operator wants a tick.
    package var nextTimerMillis = Int64.max
    let fault = StateFault()
    private let mailFlag = Atomic<Bool>(false)
    private let pollFlag = Atomic<Bool>(false)

    init(backPressure: BackPressure, waker: Waker) {
        self.backPressure = backPressure
        self.waker = waker
    }

    /// From any thread: an operator has mail; the task will tick.
    package func requestTick() {
        mailFlag.store(true, ordering: .releasing)
        waker.wake()
    }

    /// From any thread: an idle source has records again.
    func requestPoll() {
        pollFlag.store(true, ordering: .releasing)
        waker.wake()
    }

    var hasPollRequest: Bool { pollFlag.load(ordering: .acquiring) }
    func takePollRequest() -> Bool {
        pollFlag.load(ordering: .relaxed) && pollFlag.exchange(false, ordering: .acquiringAndReleasing)
    }

    package func wantTimer(at millis: Int64) { nextTimerMillis = min(nextTimerMillis, millis) }

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
    public let owned: Range<Int>
    public let log: RuntimeLog
    public let metrics: MetricRegistry
    public let clock: any RuntimeClock
    @usableFromInline package let services: TaskServices
    @usableFromInline package let makeState: () throws -> OperatorState
    /// What the checkpoint holds of this operator's lists, for this subtask's key groups, in order.
    package let restoredList: (_ name: String, _ schema: String) throws -> [OperatorList.Item]
    package let pauses: PauseReasons
}

/// Builds one subtask: handed down a chain as it is connected, it supplies contexts and gates, and
/// collects what the task needs to know. Used once, by the thread that starts the job.
public final class TaskBuilder {
    let vertex: Vertex
    let subtask: Int
    @usableFromInline let backPressure: BackPressure
    let services: TaskServices
    let outputs: [OutputGate]
    @usableFromInline let outputIsRoundRobin: [Bool]
    let environment: TaskEnvironment
    private(set) var inputLayout: ElementLayout?
    /// Records sent to other tasks, published by the task between batches.
    let recordsSent: MetricRegistry.Cell
    private(set) var sinks: [SinkHandle] = []
    private(set) var states: [OperatorState] = []
    private(set) var sourceOperator: OperatorID?

    init(
        vertex: Vertex, subtask: Int, services: TaskServices, outputs: [OutputGate], outputIsRoundRobin: [Bool],
        environment: TaskEnvironment
    ) {
        self.vertex = vertex
        self.subtask = subtask
        self.services = services
        self.outputs = outputs
        self.outputIsRoundRobin = outputIsRoundRobin
        self.environment = environment
        backPressure = services.backPressure
        recordsSent = environment.metrics.counter(
            "weir_task_records_sent_total", help: "Records a task sent to other tasks.",
            labels: ["task": vertex.name, "subtask": String(subtask)])
    }

    /// A sink at the end of the chain, without its type.
    struct SinkHandle {
        let isReady: () -> Bool
        let isAcknowledged: (Epoch) throws -> Bool
    }

    @usableFromInline func startsAt(_ node: NodeIndex) -> Bool { vertex.start == node }

    @usableFromInline func declareInput(_ layout: ElementLayout) { inputLayout = layout }

    @usableFromInline func recordsInCell(_ node: NodeIndex) -> MetricRegistry.Cell {
        environment.metrics.counter(
            "weir_operator_records_in_total", help: "Records taken in by an operator.",
            labels: ["operator": environment.graph.node(node).id.rawValue, "subtask": String(subtask)])
    }

    @usableFromInline func operatorContext(_ node: NodeIndex) -> OperatorContext {
        let id = environment.graph.node(node).id
        return OperatorContext(
            operatorID: id, subtask: subtask, parallelism: vertex.parallelism, keyGroups: environment.keyGroups,
            owned: environment.keyGroups.range(of: subtask, parallelism: vertex.parallelism),
            log: environment.log.with(["operator": id.rawValue, "subtask": String(subtask)]),
            metrics: environment.metrics, clock: environment.clock, services: services,
            makeState: { [self] in
                let state = try OperatorState(
                    environment.stateStoreContext(id, subtask: subtask, parallelism: vertex.parallelism),
                    backend: environment.backend, fault: services.fault)
                states.append(state)
                return state
            },
            restoredList: { [self] name, schema in
                try environment.restoredList(
                    id, name, schema, owned: environment.keyGroups.range(of: subtask, parallelism: vertex.parallelism))
            },
            pauses: environment.pauses)
    }

    @usableFromInline func sourceReaderContext(_ node: NodeIndex) -> SourceReaderContext {
        let id = environment.graph.node(node).id
        sourceOperator = id
        let services = services
        return SourceReaderContext(
            source: environment.sourceContext(id), subtask: subtask, parallelism: vertex.parallelism,
            assignments: environment.assignments(of: id, subtask: subtask, parallelism: vertex.parallelism),
            backPressure: backPressure, wake: { services.requestPoll() }, metrics: environment.metrics, clock: environment.clock)
    }

    @usableFromInline func sinkEnd<S: Sink>(_ sink: S, _ node: NodeIndex) throws -> SinkEnd<S.Writer> {
        let id = environment.graph.node(node).id
        let waker = services.waker
        let writer = UnsafeMutablePointer<S.Writer>.allocate(capacity: 1)
        writer.initialize(
            to: try sink.makeWriter(
                SinkWriterContext(
                    operatorID: id, job: environment.job, subtask: subtask, parallelism: vertex.parallelism,
                    log: environment.log.with(["operator": id.rawValue, "subtask": String(subtask)]),
                    wake: { waker.wake() }, metrics: environment.metrics, clock: environment.clock)))
        sinks.append(
            SinkHandle(
                isReady: { writer.pointee.isReady },
                isAcknowledged: { try writer.pointee.isAcknowledged(through: $0) }))
        return SinkEnd(writer, backPressure, recordsInCell(node))
    }
}

/// The end of a chain that leads into a sink.
public struct SinkEnd<Writer: SinkWriter>: Collector {
    /// Owned by the task; freed on `close`.
    @usableFromInline let writer: UnsafeMutablePointer<Writer>
    @usableFromInline let backPressure: BackPressure
    @usableFromInline var recordsIn = 0
    @usableFromInline let published: MetricRegistry.Cell

    @usableFromInline init(
        _ writer: UnsafeMutablePointer<Writer>, _ backPressure: BackPressure, _ published: MetricRegistry.Cell
    ) {
        self.writer = writer
        self.backPressure = backPressure
        self.published = published
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Writer.Element) throws {
        recordsIn &+= 1
        try writer.pointee.write(element)
        if !writer.pointee.isReady { backPressure.raise() }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {
        published.set(recordsIn)
        switch signal {
        case .barrier(let snapshot): try writer.pointee.endEpoch(snapshot.epoch)
        case .flush: try writer.pointee.flush()
        case .close:
            writer.pointee.close()
            writer.deinitialize(count: 1)
            writer.deallocate()
        case .tick, .decided: break
        }
    }
}
