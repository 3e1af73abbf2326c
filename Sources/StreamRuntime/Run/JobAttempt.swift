import Foundation

/// One run of a job from a decision (or the beginning) to its end or its first failure: the thin shell
/// around `CheckpointProtocol`. Everything here happens on the thread that calls `run` (or `start`, `turn` and `tearDown`
/// one by one), except what tasks and snapshot threads post to the event queue.
final class JobAttempt {
    enum Event: Sendable {
        case report(task: Int, StreamTask.Report)
        case written(task: Int, Epoch, TaskShare)
        case failed(AttemptFailure)
        case stop(drain: Bool)
        /// End at once: what is not decided is lost to this run, and read again by the next.
        case cancel
        case checkpoint
        /// A savepoint of this checkpoint is written, or was not to be.
        case savepointWritten(CheckpointManifest)
    }
    /// What one task's share of a checkpoint came to, once durable.
    struct TaskShare: Sendable {
        var positions: [OperatorID: [SplitPosition]] = [:]
        var parts: [(operatorID: OperatorID, part: StatePart)] = []
        var lists: [(operatorID: OperatorID, entry: CheckpointManifest.List)] = []

        var stateBytes: Int {
            parts.reduce(0) { $0 + $1.part.files.reduce(0) { $0 + $1.bytes } } + lists.reduce(0) { $0 + $1.entry.file.bytes }
        }
    }

    private let environment: TaskEnvironment
    private let plan: Plan
    private let executor: any TaskExecutor
    private let options: JobOptions
    private let store: FileCheckpointStore
    private let reach: FileCheckpointStore.Reach
    private let domain: (any TransactionDomain)?
    private let faults: (any FaultInjector)?
    private let metrics: CheckpointMetrics
    private let events: EventQueue<Event>
    let savepoints = SavepointRequests()
    private let clock: any RuntimeClock

    private var tasks: [StreamTask] = []
    private var machine: CheckpointProtocol
    private var shares: [Int: TaskShare] = [:]
    private var epochBeganNanos: Int64 = 0
    /// The open epoch's time-out is counted from here.
    private var epochClockNanos: Int64 = 0
    private var lastBarrierNanos: Int64 = 0
    private var drainDeadlineNanos = Int64.max
    private var retained: [CheckpointManifest] = []
    /// Checkpoints that savepoints are being made of (V1 of `Savepoint`), as often as there are such savepoints.
    private var pinned: [CheckpointManifest] = []
    /// The last epoch is decided, or none is wanted any more.
    private var isDone = false
    private(set) var lastDecided: Epoch
    /// An outside system was known to be down at some time since `lastDecided`.
    private(set) var wasPausedSinceDecision = false
    /// That, and no savepoint is being written that somebody waits for.
    var isFinished: Bool { isDone && !savepoints.isWriting }

    init(
        environment: TaskEnvironment, plan: Plan, executor: any TaskExecutor, options: JobOptions,
        store: FileCheckpointStore, reach: FileCheckpointStore.Reach, domain: (any TransactionDomain)?,
        metrics: CheckpointMetrics, events: EventQueue<Event>
    ) {
        self.environment = environment
        self.plan = plan
        self.executor = executor
        self.options = options
        self.store = store
        self.reach = reach
        self.domain = domain
        faults = environment.faults
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
        if let manifest = environment.restore.manifest {
            let savepoint = environment.restore.files
            if savepoint == nil { retained = [manifest] }
            metrics.history.restored(
                manifest, path: savepoint.map { Self.absolute($0.folder) } ?? path(of: manifest), isSavepoint: savepoint != nil,
                atMillis: clock.wallMillis())
        }
        let sources = tasks.indices.filter { tasks[$0].isSource }
        machine = CheckpointProtocol(
            tasks: Set(tasks.indices), sources: Set(sources), firstEpoch: environment.restore.firstEpoch)
        try domain?.begin(environment.restore.firstEpoch, writers: built.transactionalWriters)
        lastBarrierNanos = clock.monotonicNanos()
        try faults?.reached(.restored)
        if environment.hasUndecidedStarts { try perform(machine.handle(.intervalElapsed)) }
        executor.start { events.post(.failed($0)) }
    }

    /// Once, whether the attempt has ended well or not.
    func tearDown() {
        savepoints.close("the job's run ended before the savepoint was written")
        executor.stop()
        for task in tasks { task.dispose() }
        domain?.close()
    }

    // MARK: Events

    private func handle(_ event: Event) throws {
        switch event {
        case .report(let task, .snapshot(let snapshot, let times)):
            metrics.taken(share: task, times, atMillis: clock.wallMillis())
            write(snapshot, task)
        case .report(let task, .finished):
            try perform(machine.handle(.sourceFinished(task: task)))
        case .report(let task, .drained):
            try perform(machine.handle(.drained(task: task)))
        case .written(let task, let epoch, let share):
            shares[task] = share
            metrics.history.acknowledged(share: task, atMillis: clock.wallMillis(), bytes: share.stateBytes)
            try perform(machine.handle(.written(task: task, epoch)))
        case .failed(let failure):
            if isDone { return }  // nothing more is decided; at most savepoints are still written
            throw failure
        case .stop(let drain):
            // Who stops a job waits so long; input that ends by itself is worked off whatever it takes.
            if drain { drainDeadlineNanos = clock.monotonicNanos() + Int64(options.drainTimeoutMillis) * 1_000_000 }
            try perform(machine.handle(.stopRequested(drain: drain)))
        case .cancel:
            isDone = true
            savepoints.close("the job was cancelled before the savepoint was written")
        case .checkpoint:
            try perform(machine.handle(.intervalElapsed))
        case .savepointWritten(let manifest):
            if let index = pinned.firstIndex(of: manifest) { pinned.remove(at: index) }
        }
    }

    private func perform(_ actions: [CheckpointProtocol.Action]) throws {
        for action in actions {
            switch action {
            case .triggerBarrier(let epoch):
                shares.removeAll()
                epochBeganNanos = clock.monotonicNanos()
                epochClockNanos = epochBeganNanos
                lastBarrierNanos = epochBeganNanos
                savepoints.barrierBegins(isLast: machine.isLast(epoch))
                metrics.history.began(
                    epoch, atMillis: clock.wallMillis(),
                    shares: tasks.map { CheckpointRecord.Share(task: $0.vertexName, subtask: $0.subtask) })
                for task in tasks where task.isSource { task.post(.barrier(epoch)) }
            case .decide(let epoch):
                try decide(epoch)
                try perform(machine.handle(.decided(epoch)))
            case .drainSources:
                try faults?.reached(.drain)
                for task in tasks where task.isSource { task.post(.drain) }
            case .finish:
                isDone = true
            }
        }
    }

    private func watchTheClock() throws {
        let now = clock.monotonicNanos()
        let isPaused = environment.pauses.isPaused
        wasPausedSinceDecision = wasPausedSinceDecision || isPaused
        try perform(machine.handle(.paused(isPaused)))
        // An epoch without a transaction holds nothing up elsewhere: it may wait for a system that is down.
        if isPaused, domain == nil { epochClockNanos = now }
        if let epoch = machine.openEpoch, now - epochClockNanos > Int64(options.epochTimeoutMillis) * 1_000_000 {
            throw EpochTimeout(epoch: epoch, millis: options.epochTimeoutMillis)
        }
        if now >= drainDeadlineNanos {
            drainDeadlineNanos = .max
            environment.log.with(epoch: lastDecided)(
                .warning, "drain cut short; what is still in flight stays in the last checkpoint")
            try perform(machine.handle(.drainTimedOut))
        }
        if machine.openEpoch == nil, now - lastBarrierNanos >= Int64(options.checkpointIntervalMillis) * 1_000_000 {
            try perform(machine.handle(.intervalElapsed))
        }
    }

    /// The next time at which `turn` has something to do without an event.
    var deadlineNanos: Int64 {
        let (began, millis) =
            machine.openEpoch == nil
            ? (lastBarrierNanos, options.checkpointIntervalMillis) : (epochClockNanos, options.epochTimeoutMillis + 1)
        return min(drainDeadlineNanos, began + Int64(millis) * 1_000_000)
    }

    private func waitMillis() -> Int {
        if machine.openEpoch != nil || isDone { return 100 }
        let due = lastBarrierNanos + Int64(options.checkpointIntervalMillis) * 1_000_000 - clock.monotonicNanos()
        return Int(min(max(due / 1_000_000, 1), 100))
    }

    // MARK: A checkpoint, from snapshots to the decision

    /// Beside the stream: the executor decides where files are written.
    private func write(_ snapshot: TaskSnapshot, _ task: Int) {
        let files = store
        let events = events
        let attempt = environment.attempt
        let faults = faults
        executor.write {
            do {
                try faults?.reached(.stateBegin)
                var share = TaskShare(positions: snapshot.positions)
                for entry in snapshot.state {
                    share.parts.append((entry.operatorID, try entry.pending.write(to: files)))
                }
                for list in snapshot.lists where !list.items.isEmpty {
                    let file = try OperatorListFile.write(
                        list, "list/\(list.operatorID)-\(task)-\(snapshot.epoch)-\(attempt).\(list.name)", files)
                    share.lists.append(
                        (
                            list.operatorID,
                            CheckpointManifest.List(
                                name: list.name, schema: list.schema, count: list.items.count, file: file,
                                share: list.share)
                        ))
                }
                try faults?.reached(.stateWritten)
                events.post(.written(task: task, snapshot.epoch, share))
            } catch {
                events.post(.failed(AttemptFailure(place: "checkpoint \(snapshot.epoch)", cause: error)))
            }
        }
    }

    /// Rules 8, 3 and 4, in that order: outputs acknowledged, manifest durable, then the decision.
    private func decide(_ epoch: Epoch) throws {
        try faults?.reached(.allWritten)
        let spent = Int((clock.monotonicNanos() - epochBeganNanos) / 1_000_000)
        try domain?.prepare(epoch, timeoutMillis: max(1, options.epochTimeoutMillis - spent))
        try faults?.reached(.prepared)
        let id = CheckpointID(job: environment.job, island: 0, epoch: epoch, attempt: environment.attempt)
        let manifest = manifest(id)
        #if WEIR_PLANTED
            if PlantedMistake.decidedBeforeDurable.isOn {
                try domain?.commit(Decision(checkpoint: id, manifestHash: try manifest.encoded().hash, offsets: offsets()))
            }
            if PlantedMistake.earlyCleanup.isOn { try store.retain([manifest], within: reach) }
        #endif
        let hash = try store.publish(manifest, id: id)
        try faults?.reached(.manifestDurable)
        #if WEIR_PLANTED
            if !PlantedMistake.decidedBeforeDurable.isOn {
                try domain?.commit(Decision(checkpoint: id, manifestHash: hash, offsets: offsets()))
            }
        #else
            try domain?.commit(Decision(checkpoint: id, manifestHash: hash, offsets: offsets()))
        #endif
        try faults?.reached(.decided)
        lastDecided = epoch
        wasPausedSinceDecision = false
        retained.append(manifest)
        if retained.count > max(2, options.retainedCheckpoints) { retained.removeFirst() }
        for request in savepoints.takeDecided() { write(request, manifest) }
        try faults?.reached(.cleanupBegin)
        try store.retain(retained + pinned, within: reach)
        metrics.history.retained(Set((retained + pinned).compactMap { $0.id?.epoch.rawValue }))
        try faults?.reached(.cleanupDone)
        for task in tasks { task.post(.decided(epoch)) }
        let nanos = clock.monotonicNanos() - epochBeganNanos
        metrics.completed(manifest, epoch: epoch, nanos: nanos)
        metrics.history.completed(manifest, path: path(of: manifest), atMillis: clock.wallMillis(), nanos: nanos)
    }

    private func path(of manifest: CheckpointManifest) -> String {
        Self.absolute(manifest.id.map { "\(store.folder)/\(FileCheckpointStore.manifestName($0))" } ?? store.folder)
    }

    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    /// Beside the stream, of the files of a checkpoint that is decided.
    private func write(_ request: SavepointRequests.Request, _ manifest: CheckpointManifest) {
        pinned.append(manifest)
        let writer = SavepointWriter(
            manifest, files: store, formats: environment.formats, disk: store.disk,
            isCancelled: { [savepoints] in savepoints.isClosed })
        let (events, savepoints, now) = (events, savepoints, clock.wallMillis())
        let (history, epoch) = (metrics.history, manifest.id?.epoch)
        let log = environment.log.with(epoch: epoch)
        executor.write {
            let result = Result { try writer.write(into: request.folder, createdAtMillis: now) }
            switch result {
            case .success(let savepoint):
                log(.info, "savepoint written", ["path": savepoint.path, "bytes": String(savepoint.bytes)])
                if let epoch { history.savepointWritten(of: epoch, path: Self.absolute(savepoint.path)) }
            case .failure(let error):
                log(.error, "savepoint not written", ["folder": request.folder, "error": "\(error)"])
            }
            request.answer(result)
            savepoints.written()
            events.post(.savepointWritten(manifest))
        }
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
            }, origin: environment.restore.origin)
    }
}

/// The first failure of an attempt and where it happened.
struct AttemptFailure: Error, CustomStringConvertible {
    let place: String
    let cause: any Error
    /// What a task had in hand: where its source stood, or which record of its input it was.
    var position: String?
    var description: String { "\(place): \(cause)\(position.map { " (\($0))" } ?? "")" }
}

/// An epoch was given up because it took too long (rule 9).
struct EpochTimeout: EpochExpiry, CustomStringConvertible {
    let epoch: Epoch
    let millis: Int
    var description: String {
        "epoch \(epoch) was not decided within \(millis) ms; look for back-pressure or a slow disk, or raise the epoch time-out"
    }
}
