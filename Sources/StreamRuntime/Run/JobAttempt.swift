import Foundation

/// One run of a job from a decision (or the beginning) to its end or its first failure: the thin shell
/// around `CheckpointProtocol`. Everything here happens on the thread that calls `run` (or `start`, `turn` and `tearDown`
/// one by one), except what tasks and snapshot threads post to the event queue.
final class JobAttempt {
    enum Event: Sendable {
        case report(task: Int, StreamTask.Report)
        case written(task: Int, Epoch, TaskShare)
        case failed(where: String, any Error)
        case stop(drain: Bool)
        case checkpoint
    }
    /// What one task's share of a checkpoint came to, once durable.
    struct TaskShare: Sendable {
        var positions: [OperatorID: [SplitPosition]] = [:]
        var parts: [(operatorID: OperatorID, part: StatePart)] = []
        var lists: [(operatorID: OperatorID, entry: CheckpointManifest.List)] = []
    }

    private let environment: TaskEnvironment
    private let plan: Plan
    private let executor: any TaskExecutor
    private let options: JobOptions
    private let store: FileCheckpointStore
    private let domain: (any TransactionDomain)?
    private let metrics: CheckpointMetrics
    private let events: EventQueue<Event>
    private let clock: any RuntimeClock

    private var tasks: [StreamTask] = []
    private var machine: CheckpointProtocol
    private var shares: [Int: TaskShare] = [:]
    private var epochBeganNanos: Int64 = 0
    private var lastBarrierNanos: Int64 = 0
    private var drainDeadlineNanos = Int64.max
    private var retained: [CheckpointManifest] = []
    private(set) var lastDecided: Epoch
    /// An outside system was known to be down at some time since `lastDecided`.
    private(set) var wasPausedSinceDecision = false
    private(set) var isFinished = false

    init(
        environment: TaskEnvironment, plan: Plan, executor: any TaskExecutor, options: JobOptions,
        store: FileCheckpointStore, domain: (any TransactionDomain)?, metrics: CheckpointMetrics, events: EventQueue<Event>
    ) {
        self.environment = environment
        self.plan = plan
        self.executor = executor
        self.options = options
        self.store = store
        self.domain = domain
        self.metrics = metrics
        self.events = events
        clock = environment.clock
        lastDecided = Epoch(environment.restore.firstEpoch.rawValue - 1)
        machine = CheckpointProtocol(tasks: [], sources: [], firstEpoch: environment.restore.firstEpoch)
    }

    /// Returns once the last epoch is decided; throws the attempt's first failure.
    func run(started: () -> Void) throws {
        defer { tearDown() }
        try start()
        started()
        while !isFinished { _ = try turn(waitMillis: waitMillis()) }
    }

    /// Handles what tasks and snapshot threads have posted, and looks at the clock. Waits so long for a first event; false
    /// when there was none.
    func turn(waitMillis: Int) throws -> Bool {
        let posted = events.take(waitMillis: waitMillis)
        for event in posted { try handle(event) }
        try watchTheClock()
        return !posted.isEmpty
    }

    // MARK: Start and end

    func start() throws {
        let events = events
        let built = try AttemptBuilder(
            plan: plan, environment: environment, batchRecords: options.batchRecords, executor: executor,
            report: { events.post(.report(task: $0, $1)) }
        ).build()
        tasks = built.tasks
        if let manifest = environment.restore.manifest { retained = [manifest] }
        let sources = tasks.indices.filter { tasks[$0].isSource }
        machine = CheckpointProtocol(
            tasks: Set(tasks.indices), sources: Set(sources), firstEpoch: environment.restore.firstEpoch)
        try domain?.begin(environment.restore.firstEpoch, writers: built.transactionalWriters)
        lastBarrierNanos = clock.monotonicNanos()
        executor.start { events.post(.failed(where: $0, $1)) }
    }

    /// Once, whether the attempt has ended well or not.
    func tearDown() {
        executor.stop()
        for task in tasks { task.dispose() }
        domain?.close()
    }

    // MARK: Events

    private func handle(_ event: Event) throws {
        switch event {
        case .report(let task, .snapshot(let snapshot, let alignmentNanos)):
            metrics.alignment.observe(Double(alignmentNanos) / 1e9)
            write(snapshot, task)
        case .report(let task, .finished):
            try perform(machine.handle(.sourceFinished(task: task)))
        case .report(let task, .drained):
            try perform(machine.handle(.drained(task: task)))
        case .written(let task, let epoch, let share):
            shares[task] = share
            try perform(machine.handle(.written(task: task, epoch)))
        case .failed(let place, let error):
            throw AttemptFailure(place: place, cause: error)
        case .stop(let drain):
            try perform(machine.handle(.stopRequested(drain: drain)))
        case .checkpoint:
            try perform(machine.handle(.intervalElapsed))
        }
    }

    private func perform(_ actions: [CheckpointProtocol.Action]) throws {
        for action in actions {
            switch action {
            case .triggerBarrier(let epoch):
                shares.removeAll()
                epochBeganNanos = clock.monotonicNanos()
                lastBarrierNanos = epochBeganNanos
                for task in tasks where task.isSource { task.post(.barrier(epoch)) }
            case .decide(let epoch):
                try decide(epoch)
                try perform(machine.handle(.decided(epoch)))
            case .drainSources:
                drainDeadlineNanos = clock.monotonicNanos() + Int64(options.drainTimeoutMillis) * 1_000_000
                for task in tasks where task.isSource { task.post(.drain) }
            case .finish:
                isFinished = true
            }
        }
    }

    private func watchTheClock() throws {
        let now = clock.monotonicNanos()
        let isPaused = environment.pauses.isPaused
        wasPausedSinceDecision = wasPausedSinceDecision || isPaused
        try perform(machine.handle(.paused(isPaused)))
        if let epoch = machine.openEpoch, now - epochBeganNanos > Int64(options.epochTimeoutMillis) * 1_000_000 {
            throw EpochTimeout(epoch: epoch, millis: options.epochTimeoutMillis)
        }
        if now >= drainDeadlineNanos {
            drainDeadlineNanos = .max
            environment.log(.warning, "drain cut short; what is still in flight stays in the last checkpoint")
            try perform(machine.handle(.drainTimedOut))
        }
        if machine.openEpoch == nil, now - lastBarrierNanos >= Int64(options.checkpointIntervalMillis) * 1_000_000 {
            try perform(machine.handle(.intervalElapsed))
        }
    }

    /// The next time at which `turn` has something to do without an event.
    var deadlineNanos: Int64 {
        let (began, millis) = machine.openEpoch == nil
            ? (lastBarrierNanos, options.checkpointIntervalMillis) : (epochBeganNanos, options.epochTimeoutMillis + 1)
        return min(drainDeadlineNanos, began + Int64(millis) * 1_000_000)
    }

    private func waitMillis() -> Int {
        if machine.openEpoch != nil { return 100 }
        let due = lastBarrierNanos + Int64(options.checkpointIntervalMillis) * 1_000_000 - clock.monotonicNanos()
        return Int(min(max(due / 1_000_000, 1), 100))
    }

    // MARK: A checkpoint, from snapshots to the decision

    /// Beside the stream: the executor decides where files are written.
    private func write(_ snapshot: TaskSnapshot, _ task: Int) {
        let files = store
        let events = events
        let attempt = environment.attempt
        executor.write {
            do {
                var share = TaskShare(positions: snapshot.positions)
                for entry in snapshot.state {
                    share.parts.append((entry.operatorID, try entry.pending.write(to: files)))
                }
                for list in snapshot.lists where !list.items.isEmpty {
                    let file = try OperatorListFile.write(
                        list, "list/\(list.operatorID)-\(task)-\(snapshot.epoch)-\(attempt).\(list.name)", files)
                    share.lists.append(
                        (list.operatorID,
                            CheckpointManifest.List(
                                name: list.name, schema: list.schema, count: list.items.count, file: file)))
                }
                events.post(.written(task: task, snapshot.epoch, share))
            } catch {
                events.post(.failed(where: "checkpoint \(snapshot.epoch)", error))
            }
        }
    }

    /// Rules 4.3, 4.4 and 4.8 in order: outputs acknowledged, manifest durable, then the decision.
    private func decide(_ epoch: Epoch) throws {
        let spent = Int((clock.monotonicNanos() - epochBeganNanos) / 1_000_000)
        try domain?.prepare(epoch, timeoutMillis: max(1, options.epochTimeoutMillis - spent))
        let id = CheckpointID(job: environment.job, island: 0, epoch: epoch, attempt: environment.attempt)
        let manifest = manifest(id)
        let hash = try store.publish(manifest, id: id)
        try domain?.commit(Decision(checkpoint: id, manifestHash: hash, offsets: offsets()))
        lastDecided = epoch
        wasPausedSinceDecision = false
        retained.append(manifest)
        if retained.count > max(2, options.retainedCheckpoints) { retained.removeFirst() }
        try store.retain(retained)
        for task in tasks { task.post(.decided(epoch)) }
        metrics.completed(manifest, epoch: epoch, nanos: clock.monotonicNanos() - epochBeganNanos)
    }

    private func offsets() -> [SourceOffset] {
        let broker = Dictionary(
            environment.splits.map { ("\($0.source)\u{0}\($0.split.id)", $0.split.brokerOffset) }, uniquingKeysWith: { $1 })
        return shares.values.flatMap { share in
            share.positions.flatMap { source, positions in
                positions.map {
                    SourceOffset(source: source, position: $0, brokerOffset: broker["\(source)\u{0}\($0.split)"] ?? nil)
                }
            }
        }
    }

    private func manifest(_ id: CheckpointID) -> CheckpointManifest {
        var entries: [OperatorID: CheckpointManifest.OperatorEntry] = [:]
        func update(_ id: OperatorID, _ body: (inout CheckpointManifest.OperatorEntry) -> Void) {
            body(&entries[id, default: .init(id: id.rawValue, positions: [], state: [], lists: [])])
        }
        for (_, share) in shares.sorted(by: { $0.key < $1.key }) {
            for (source, positions) in share.positions {
                update(source) { entry in
                    entry.positions += positions.map { CheckpointManifest.Position(split: $0.split, next: $0.next) }
                }
            }
            for (operatorID, part) in share.parts { update(operatorID) { $0.state.append(part) } }
            for (operatorID, list) in share.lists { update(operatorID) { $0.lists.append(list) } }
        }
        return CheckpointManifest(
            format: CheckpointManifest.format, checkpoint: id.description, jobName: environment.jobName,
            createdAtMillis: clock.wallMillis(), keyGroups: environment.keyGroups.count,
            operators: entries.sorted { $0.key < $1.key }.map { entry in
                var value = entry.value
                value.positions.sort { $0.split < $1.split }
                return value
            })
    }
}

/// The first failure of an attempt and where it happened.
struct AttemptFailure: Error, CustomStringConvertible {
    let place: String
    let cause: any Error
    var description: String { "\(place): \(cause)" }
}

/// An epoch was given up because it took too long (rule 4.9).
struct EpochTimeout: EpochExpiry, CustomStringConvertible {
    let epoch: Epoch
    let millis: Int
    var description: String {
        "epoch \(epoch) was not decided within \(millis) ms; look for back-pressure or a slow disk, or raise the epoch time-out"
    }
}
