import Foundation

/// Makes attempts (rule 5): fences older runs, reads the last decision, compares it with the job and its checkpoint, and
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
        let attempt = environment.makeAttemptID()
        let store = try FileCheckpointStore(
            root: options.checkpointRoot, job: job, disk: environment.disk, faults: environment.faults)
        let splits = try discoverSplits()
        let owner = IslandOwner(
            job: job, jobName: jobName, island: 0, attempt: attempt, splits: splits, log: log, isCancelled: isCancelled,
            faults: environment.faults)
        var restore: RestorePoint
        let reach: FileCheckpointStore.Reach
        do {
            try environment.faults?.reached(.recoveryBegin)
            restore = try findRestorePoint(store, owner)
            if options.dropsUnknownState {
                let dropped = restore.dropUnknownOperators(graph)
                if !dropped.isEmpty {
                    log.with(epoch: restore.manifest?.id?.epoch)(
                        .warning, "stored operators dropped", ["operators": dropped.joined(separator: ", ")])
                }
            }
            try restore.check(job: job, graph: graph, keyGroups: options.keyGroups, splits: splits)
            reach = try store.reach(of: attempt)
        } catch {
            graph.domain?.close()
            throw error
        }
        log.with(epoch: restore.manifest?.id?.epoch)(
            .info, restore.manifest == nil ? "starting from the beginning" : "restoring",
            ["attempt": attempt.rawValue, "firstEpoch": restore.firstEpoch.description])
        let workFolder = "\(options.workRoot)/\(job)"
        try? FileManager.default.removeItem(atPath: workFolder)
        let taskEnvironment = TaskEnvironment(
            graph: graph, job: job, jobName: jobName, attempt: attempt, keyGroups: options.keyGroups,
            backend: environment.backend, formats: environment.formats, files: restore.files ?? store,
            dropsUnknownState: options.dropsUnknownState, workFolder: workFolder,
            latencyIntervalMillis: options.latencyIntervalMillis, restore: restore, splits: splits,
            hasUndecidedStarts: restore.hasUndecidedStarts(of: splits), clock: environment.clock, log: log,
            metrics: environment.metrics, pauses: pauses,
            faults: environment.faults, isCancelled: isCancelled)
        return JobAttempt(
            environment: taskEnvironment, plan: plan, executor: executor, options: options, store: store,
            reach: reach, domain: graph.domain, metrics: metrics, events: events)
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
            if let (one, _) = zip(found, found.dropFirst()).first(where: { $0.id == $1.id }) {
                throw GraphError(
                    "source '\(node.id)' finds the split '\(one.id)' twice, and would read it twice: name each of its parts once")
            }
            splits += found.map { OwnedSplit(source: node.id, split: $0) }
        }
        try CommittedPlaces.check(splits, domains: Set(graph.nodes.compactMap { $0.transactions?.identity }))
        return splits
    }

    private func findRestorePoint(_ store: FileCheckpointStore, _ owner: IslandOwner) throws -> RestorePoint {
        let decision = try lastDecision(owner)
        if let explicit = try explicitStart(store, decision) { return explicit }
        guard let domain = graph.domain else { return try latestCheckpoint(store, owner) ?? beginAlone(store, owner) }
        if let decision { return try RestorePoint(decision: decision, store: store) }
        #if WEIR_PLANTED
            if PlantedMistake.missingOffsetIsDefault.isOn { return .beginning }
        #endif
        guard try store.manifestNames().isEmpty else {
            throw RecoveryRefusal(
                "\(store.folder) holds checkpoints of this job, but \(domain.identity) holds no decision of it",
                remedy: "Point the job at the system it ran on, or start over: weir reset, or another --namespace.")
        }
        return try beginGenesis(domain, owner)
    }

    private func lastDecision(_ owner: IslandOwner) throws -> Decision? {
        guard let domain = graph.domain else { return nil }
        let decision = try domain.recover(owner)
        try environment.faults?.reached(.decisionRead)
        return decision
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
        #if WEIR_PLANTED
            if !PlantedMistake.noGenesis.isOn { try domain.commit(genesis) }
        #else
            try domain.commit(genesis)
        #endif
        try environment.faults?.reached(.genesisDecided)
        return .beginning
    }

    /// The same without a domain: there a checkpoint is the decision, and the first one holds nothing but start positions.
    private func beginAlone(_ store: FileCheckpointStore, _ owner: IslandOwner) throws -> RestorePoint {
        let id = CheckpointID(job: job, island: 0, epoch: .genesis, attempt: owner.attempt)
        let operators = Dictionary(grouping: owner.splits, by: \.source).sorted { $0.key < $1.key }.map { source, splits in
            CheckpointManifest.OperatorEntry(
                id: source.rawValue, positions: splits.map { .init(split: $0.split.id, next: $0.split.start) }, state: [],
                lists: [])
        }
        _ = try store.publish(
            CheckpointManifest(
                format: CheckpointManifest.format, checkpoint: id.description, jobName: jobName,
                createdAtMillis: environment.clock.wallMillis(), keyGroups: options.keyGroups.count, operators: operators),
            id: id)
        return .beginning
    }

    private func latestCheckpoint(_ store: FileCheckpointStore, _ owner: IslandOwner) throws -> RestorePoint? {
        guard let newest = try store.manifestNames().last else { return nil }
        let manifest = try store.manifest(named: newest).manifest
        guard let id = manifest.id else {
            throw RecoveryRefusal(
                "checkpoint manifest \(newest) carries the id '\(manifest.checkpoint)', which is none",
                remedy: "Move it away and start again.")
        }
        let restore = RestorePoint(manifest: manifest, after: id.epoch)
        return id.epoch == .genesis ? restore.asBeginning(of: owner.splits) : restore
    }
}
