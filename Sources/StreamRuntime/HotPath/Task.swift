import Synchronization

/// What one `step` came to.
enum StepResult {
    case progressed
    /// Nothing to do before this monotonic time, unless woken.
    case idle(untilNanos: Int64)
    /// Waiting for room downstream.
    case backPressured
}

/// One subtask: a single-threaded state machine over one fused chain. A worker calls `step`; everything
/// that is not data reaches it as mail. Nothing in it blocks.
final class StreamTask: @unchecked Sendable {  // stepped by one worker; only `mailbox` is shared
    enum Mail: Sendable {
        /// Source tasks only: end the epoch here.
        case barrier(Epoch)
        /// Source tasks only: read no more.
        case drain
        /// The epoch is decided.
        case decided(Epoch)
    }
    enum Report: Sendable {
        case snapshot(TaskSnapshot, BarrierTimes)
        /// A source has come to its end.
        case finished
        /// No record is left in the task and none will come.
        case drained
    }
    /// What a barrier cost a task.
    struct BarrierTimes: Sendable {
        /// From the first to the last barrier.
        let alignmentNanos: Int64
        /// From the last barrier until it was handed on.
        let pauseNanos: Int64
    }
    private enum Phase { case running, sourceFinished, draining, drained }

    static let pollBudget = 1024
    static let lingerNanos: Int64 = 2_000_000
    static let longestIdleNanos: Int64 = 100_000_000
    /// Thirty years: fits into nanoseconds.
    static let longestTimerMillis: Int64 = 1 << 40

    let name: String
    let vertexName: String
    let subtask: Int
    private let body: TaskBody
    private let input: InputGate?
    /// Where the chain's results go, and those of its side outputs.
    private let outputs: [OutputGate]
    private let services: TaskServices
    private let sinks: [TaskBuilder.SinkHandle]
    private let sourceOperator: OperatorID?
    private let clock: any RuntimeClock
    private let faults: (any FaultInjector)?
    private let report: @Sendable (Report) -> Void
    private let recordsSent: MetricRegistry.Cell
    private let lagGauges: LagGauges?
    private let mailbox = Mutex<[Mail]>([])
    private let hasMail = Atomic<Bool>(false)
    let timing: TaskTiming

    private var phase = Phase.running
    /// Where the source begins is not decided yet (`RestorePoint.hasUndecidedStarts`).
    private var awaitsDecision: Bool
    /// A snapshot whose sinks have not acknowledged everything yet.
    private var unacknowledged: (snapshot: TaskSnapshot, times: BarrierTimes)?
    /// The record whose processing threw.
    private var failedRecord: String?
    private var idleUntilNanos: Int64 = 0
    private var lastFlushNanos: Int64 = 0
    private var needsFlush = false
    /// Of a source task; others send none of their own.
    private var markers: MarkerSchedule
    private var positionsAtBarrier: (epoch: Epoch, positions: [SplitPosition])?

    init(
        name: String, body: TaskBody, input: InputGate?, builder: TaskBuilder, timing: TaskTiming,
        report: @escaping @Sendable (Report) -> Void
    ) {
        self.name = name
        vertexName = builder.vertex.name
        subtask = builder.subtask
        self.body = body
        self.input = input
        outputs = builder.outputs
        services = builder.services
        sinks = builder.sinks
        sourceOperator = builder.sourceOperator
        awaitsDecision = builder.sourceOperator != nil && builder.environment.hasUndecidedStarts
        clock = builder.environment.clock
        faults = builder.environment.faults
        self.timing = timing
        self.report = report
        markers = MarkerSchedule(
            source: builder.vertex.start.rawValue,
            intervalMillis: sourceOperator == nil ? 0 : builder.environment.latencyIntervalMillis)
        recordsSent = builder.recordsSent
        lagGauges = builder.sourceOperator.map { LagGauges(builder.environment.metrics, source: $0) }
    }

    /// From any thread.
    func post(_ mail: Mail) {
        mailbox.withLock { $0.append(mail) }
        hasMail.store(true, ordering: .releasing)
        services.waker.wake()
    }

    /// Work that appeared since the last step; asked by the worker after it has announced its sleep.
    var hasWork: Bool {
        if hasMail.load(ordering: .acquiring) { return true }
        // A task that is held back neither ticks nor polls: what waits for that must not keep the worker awake.
        if services.backPressure.isRaised { return outputs.contains { $0.canProgress } }
        if services.hasMail { return true }
        if !services.takesRecords { return input?.hasBarrier ?? false }
        return mayPoll && services.hasPollRequest || input?.hasInput ?? false
    }

    /// The source has begun for good and has not ended, and event time does not hold all its splits back.
    private var mayPoll: Bool { phase == .running && !awaitsDecision && !services.splits.areAllPaused }

    // MARK: The loop

    func step() throws -> StepResult {
        TaskFault.enter(services.fault)
        defer { TaskFault.leave() }
        let began = clock.monotonicNanos()
        services.time.refresh()
        let result = try advance(began)
        timing.account(result, nanos: clock.monotonicNanos() - began)
        return result
    }

    private func advance(_ now: Int64) throws -> StepResult {
        var progressed = hasMail.load(ordering: .acquiring) ? try readMail() : false
        if unacknowledged != nil { progressed = try acknowledge() || progressed }
        guard outputsAreFree() else { return progressed ? .progressed : .backPressured }
        services.backPressure.release()
        if let millis = tickTime(now) {
            services.nextTimerMillis = .max
            services.nextWaitNanos = .max
            try body.handle(.tick(wallMillis: millis))
            needsFlush = true
            progressed = true
            guard outputsAreFree() else { return .progressed }
            services.backPressure.release()
        }
        guard services.takesRecords else {
            if needsFlush { try flush(now) }
            if let epoch = try input?.pollBarrier(now: { now }) {
                try barrier(epoch)
                progressed = true
            }
            return progressed ? .progressed : .backPressured
        }
        try services.fault.check()
        if try takeInput(now) { progressed = true }
        try services.fault.check()
        if phase == .draining, services.pending == 0, services.takesRecords { try finishDrain() }
        if needsFlush, !progressed || now - lastFlushNanos > Self.lingerNanos {
            try flush(now)
            progressed = true
        }
        if let lagGauges, let lag = body.lag { lagGauges.publish(now, lag) }
        return progressed || services.hasMail ? .progressed : .idle(untilNanos: nextDeadline(now))
    }

    /// One batch, or one poll of the source.
    private func takeInput(_ now: Int64) throws -> Bool {
        if let poll = body.poll {
            if phase == .running, let marker = markers.take(now) { try body.handle(.marker(marker)) }
            guard mayPoll, services.takePollRequest() || now >= idleUntilNanos else { return false }
            switch try poll(Self.pollBudget) {
            case .progressed:
                idleUntilNanos = now  // there may be more than the request for this poll brought, and nobody asks again
                needsFlush = true
                return true
            case .idle(let micros):
                idleUntilNanos = now + min(max(micros, 0), Self.longestIdleNanos / 1000) * 1000
                return false
            case .finished:
                phase = .sourceFinished
                needsFlush = true
                try body.handle(.flush)
                try body.handle(.watermark(.max))  // nothing is late or early any more: every window may close
                report(.finished)
                return true
            }
        }
        guard let input else { return false }
        if input.current == nil {
            switch try input.poll(now: { now }) {
            case .records: break
            case .barrier(let epoch):
                try barrier(epoch)
                return true
            case .watermark(let time):
                try body.handle(.watermark(time))
                needsFlush = true
                return true
            case .idle:
                try body.handle(.idle)
                return true
            case .marker(let marker):
                try body.handle(.marker(marker))
                return true
            case .drained:
                if phase == .running { phase = .draining }
                return true
            case .nothing: return false
            }
        }
        try consume(input)
        return true
    }

    private func consume(_ input: InputGate) throws {
        guard let batch = input.current else { return }
        needsFlush = true
        var index = batch.index
        do {
            try body.consume[batch.ordinal](batch.memory, batch.times, &index, batch.count)
            try services.fault.check()
        } catch {
            input.current?.index = index  // the gate cleans up the records not reached
            let millis = services.recordTime.millis
            failedRecord = "at record \(index) of \(batch.count) in its batch\(millis == .min ? "" : ", event time \(millis)")"
            throw error
        }
        if index == batch.count { input.finishBatch() } else { input.current?.index = index }
    }

    private func flush(_ now: Int64) throws {
        try body.handle(.flush)
        for output in outputs { output.flush() }
        if let first = outputs.first { recordsSent.set(first.recordsOut) }
        needsFlush = false
        lastFlushNanos = now
    }

    /// Nothing waits for room downstream. Looked at only under back-pressure.
    private func outputsAreFree() -> Bool {
        guard services.backPressure.isRaised else { return true }
        var isFree = true
        for output in outputs where !output.drainOverflow() { isFree = false }
        for sink in sinks where !sink.isReady() { isFree = false }
        return isFree
    }

    private func tickTime(_ now: Int64) -> Int64? {
        let isDue = services.hasMail && services.takeMail() || now >= services.nextWaitNanos
        guard isDue || services.nextTimerMillis != .max else { return nil }
        let millis = clock.wallMillis()
        return isDue || millis >= services.nextTimerMillis ? millis : nil
    }

    private func nextDeadline(_ now: Int64) -> Int64 {
        var deadline = Int64.max
        if body.poll != nil, mayPoll { deadline = min(deadline, idleUntilNanos) }
        if phase == .running { deadline = min(deadline, markers.nextNanos) }
        deadline = min(deadline, services.nextWaitNanos)
        if services.nextTimerMillis != .max {
            let millis = max(0, services.nextTimerMillis.subtractingSaturating(clock.wallMillis()))
            deadline = min(deadline, now + min(millis, Self.longestTimerMillis) * 1_000_000)
        }
        if unacknowledged != nil { deadline = min(deadline, now + 1_000_000) }
        return deadline
    }

    // MARK: Barriers and ends

    private func readMail() throws -> Bool {
        hasMail.store(false, ordering: .relaxed)
        let mails = mailbox.withLock { mails in
            defer { mails.removeAll() }
            return mails
        }
        for mail in mails {
            switch mail {
            case .barrier(let epoch): try barrier(epoch)
            case .drain: if phase == .running || phase == .sourceFinished { phase = .draining }
            case .decided(let epoch):
                awaitsDecision = false
                if let taken = positionsAtBarrier, taken.epoch == epoch { body.decided?(taken.positions) }
                try body.handle(.decided(epoch))
                needsFlush = true
            }
        }
        return !mails.isEmpty
    }

    /// Snapshot, then forward the barrier: the order in which rule A2 of `BarrierAligner` is kept.
    private func barrier(_ epoch: Epoch) throws {
        let arrivedNanos = clock.monotonicNanos()
        try services.fault.check()
        try faults?.reached(.barrier)
        let snapshot = TaskSnapshot(epoch: epoch)
        if let sourceOperator, let positions = body.positions?() {
            snapshot.add(positions: positions, of: sourceOperator)
            positionsAtBarrier = (epoch, positions)
            #if WEIR_PLANTED
                if PlantedMistake.positionsTooEarly.isOn, mayPoll { _ = try body.poll?(1) }
            #endif
        }
        try body.handle(.barrier(snapshot))
        services.lists.snapshot(into: snapshot)
        try faults?.reached(.snapshotTaken)
        for output in outputs { output.broadcast(.barrier(epoch)) }
        unacknowledged = (
            snapshot,
            BarrierTimes(
                alignmentNanos: input.map { arrivedNanos - $0.alignmentBeganNanos } ?? 0,
                pauseNanos: clock.monotonicNanos() - arrivedNanos)
        )
        _ = try acknowledge()
    }

    private func acknowledge() throws -> Bool {
        guard let waiting = unacknowledged else { return false }
        for sink in sinks where try !sink.isAcknowledged(waiting.snapshot.epoch) { return false }
        unacknowledged = nil
        report(.snapshot(waiting.snapshot, waiting.times))
        return true
    }

    private func finishDrain() throws {
        phase = .drained
        try body.handle(.flush)
        for output in outputs { output.broadcast(.drain) }
        needsFlush = false
        report(.drained)
    }

    /// Swift errors tell nothing of where they were thrown: what the task had in hand stands in for it. After the step that
    /// threw `error`, on the thread that stepped.
    func failure(_ error: any Error) -> AttemptFailure {
        AttemptFailure(place: name, cause: error, position: failedRecord ?? sourcePosition())
    }

    private static let splitsToldMax = 8

    private func sourcePosition() -> String? {
        guard let sourceOperator, let positions = body.positions?(), !positions.isEmpty else { return nil }
        let told = positions.prefix(Self.splitsToldMax).map { "\($0.split) at \($0.next)" }.joined(separator: ", ")
        let others = positions.count - Self.splitsToldMax
        return "source '\(sourceOperator)' read \(told)\(others > 0 ? " and \(others) more splits" : "")"
    }

    var isSource: Bool { sourceOperator != nil }
    var requestsInFlight: Int { services.requestsInFlight }

    /// After the worker has stopped.
    func dispose() {
        try? body.handle(.close)
        body.dispose()
    }
}
