import Foundation

/// Makes attempts (rule 4.5): fences older runs, reads the last decision, compares it with the job and its checkpoint, and
/// refuses what could lose or double records.
struct Recovery {
    let graph: JobGraph
    let plan: Plan
    let job: JobID
    let jobName: String
    let options: JobOptions
    let environment: JobEnvironment
    let log: RuntimeLog
    let pauses: PauseReasons
    /// The job is being stopped and no attempt runs: give up waiting.
    let isCancelled: @Sendable () -> Bool

    /// An attempt that goes on from the last decision, or from the beginning; `start` follows.
    func makeAttempt(
        _ executor: any TaskExecutor, _ metrics: CheckpointMetrics, _ events: EventQueue<JobAttempt.Event>
    ) throws -> JobAttempt {
        let attempt = AttemptID.random()
        let store = try FileCheckpointStore(root: options.checkpointRoot, job: job)
        let splits = try discoverSplits()
        let owner = IslandOwner(
            job: job, jobName: jobName, island: 0, attempt: attempt, splits: splits, log: log, isCancelled: isCancelled)
        let restore: RestorePoint
        do {
            restore = try findRestorePoint(store, owner)
            try restore.check(job: job, graph: graph, keyGroups: options.keyGroups, splits: splits)
        } catch {
            graph.domain?.close()
            throw error
        }
        log(
            .info, restore.manifest == nil ? "starting from the beginning" : "restoring",
            ["attempt": attempt.rawValue, "firstEpoch": restore.firstEpoch.description])
        let workFolder = "\(options.workRoot)/\(job)"
        try? FileManager.default.removeItem(atPath: workFolder)
        let taskEnvironment = TaskEnvironment(
            graph: graph, job: job, jobName: jobName, attempt: attempt, keyGroups: options.keyGroups,
            backend: environment.backend, readableBackends: environment.readableBackends, files: store,
            workFolder: workFolder, restore: restore, splits: splits, clock: environment.clock, log: log,
            metrics: environment.metrics, pauses: pauses, isCancelled: isCancelled)
        return JobAttempt(
            environment: taskEnvironment, plan: plan, executor: executor, options: options, store: store,
            domain: graph.domain, metrics: metrics, events: events)
    }

    private func discoverSplits() throws -> [OwnedSplit] {
        var splits: [OwnedSplit] = []
        for node in graph.nodes {
            guard let discover = node.discoverSplits else { continue }
            let context = SourceContext(
                operatorID: node.id, job: job, jobName: jobName, log: log.with(["operator": node.id.rawValue]),
                isCancelled: isCancelled)
            let found = try discover(context).sorted { $0.id < $1.id }
            guard !found.isEmpty else {
                throw GraphError("source '\(node.id)' has nothing to read: it found no splits")
            }
            splits += found.map { OwnedSplit(source: node.id, split: $0) }
        }
        return splits
    }

    private func findRestorePoint(_ store: FileCheckpointStore, _ owner: IslandOwner) throws -> RestorePoint {
        guard let domain = graph.domain else { return try latestCheckpoint(store) }
        let decision = try domain.recover(owner)
        if let startFrom = options.startFrom {
            guard decision?.checkpoint == startFrom || options.acceptsReplay else {
                throw RecoveryRefusal(
                    "checkpoint \(startFrom) is not the last decision (\(decision.map { "\($0.checkpoint)" } ?? "there is none"))",
                    remedy: "Outputs after it would be emitted again; say --accept-replay if that is wanted.")
            }
            let last = max(decision?.checkpoint.epoch ?? .genesis, startFrom.epoch)
            return RestorePoint(manifest: try store.manifest(startFrom).manifest, after: last)
        }
        if let decision { return try RestorePoint(decision: decision, store: store) }
        guard try store.manifestNames().isEmpty else {
            throw RecoveryRefusal(
                "\(store.folder) holds checkpoints of this job, but \(domain.identity) holds no decision of it",
                remedy: "Point the job at the system it ran on, or start over: weir reset, or another --namespace.")
        }
        return try beginGenesis(domain, owner)
    }

    /// A first start: the start offsets are decided before anything is read.
    private func beginGenesis(_ domain: any TransactionDomain, _ owner: IslandOwner) throws -> RestorePoint {
        let genesis = Decision(
            checkpoint: CheckpointID(job: job, island: 0, epoch: .genesis, attempt: owner.attempt),
            manifestHash: Decision.genesisHash,
            offsets: owner.splits.map {
                SourceOffset(
                    source: $0.source, position: SplitPosition(split: $0.split.id, next: $0.split.start),
                    brokerOffset: $0.split.brokerOffset)
            })
        try domain.commit(genesis)
        return .beginning
    }

    private func latestCheckpoint(_ store: FileCheckpointStore) throws -> RestorePoint {
        if let startFrom = options.startFrom {
            let last = try store.manifestNames().last.map { try store.manifest(named: $0).manifest.id?.epoch } ?? nil
            return RestorePoint(
                manifest: try store.manifest(startFrom).manifest, after: max(last ?? .genesis, startFrom.epoch))
        }
        guard let newest = try store.manifestNames().last else { return .beginning }
        let manifest = try store.manifest(named: newest).manifest
        guard let id = manifest.id else {
            throw RecoveryRefusal(
                "checkpoint manifest \(newest) carries the id '\(manifest.checkpoint)', which is none",
                remedy: "Move it away and start again.")
        }
        return RestorePoint(manifest: manifest, after: id.epoch)
    }
}
