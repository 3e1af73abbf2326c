/// What every task of an attempt is built from. Immutable.
struct TaskEnvironment: Sendable {
    let graph: JobGraph
    let job: JobID
    let jobName: String
    let attempt: AttemptID
    let keyGroups: KeyGroups
    let backend: any StateBackend
    let readableBackends: [any StateBackend]
    let files: any CheckpointFiles
    let workFolder: String
    let restore: RestorePoint
    let splits: [OwnedSplit]
    let clock: any RuntimeClock
    let log: RuntimeLog
    let metrics: MetricRegistry
    let pauses: PauseReasons
    let alignments = WatermarkAlignments()
    let isCancelled: @Sendable () -> Bool

    func sourceContext(_ id: OperatorID) -> SourceContext {
        SourceContext(
            operatorID: id, job: job, jobName: jobName, log: log.with(["operator": id.rawValue]), isCancelled: isCancelled)
    }

    /// Split k of a source's sorted list belongs to subtask k mod parallelism.
    func assignments(of id: OperatorID, subtask: Int, parallelism: Int) -> [SplitPosition] {
        let stored = restore.positions[id] ?? [:]
        return splits.filter { $0.source == id }.enumerated()
            .filter { $0.offset % parallelism == subtask }
            .map { SplitPosition(split: $0.element.split.id, next: stored[$0.element.split.id] ?? $0.element.split.start) }
    }

    func stateStoreContext(_ id: OperatorID, subtask: Int, parallelism: Int) -> StateStoreContext {
        let owned = keyGroups.range(of: subtask, parallelism: parallelism)
        let backends = readableBackends
        return StateStoreContext(
            operatorID: id, subtask: subtask, parallelism: parallelism, keyGroups: keyGroups, owned: owned,
            attempt: attempt, restore: restore.parts(of: id, owned: owned), files: files,
            reader: { name in
                guard let backend = backends.first(where: { $0.name == name }) else {
                    throw RecoveryRefusal(
                        "the checkpoint was written by state backend '\(name)', which this program does not include",
                        remedy: "Run it with a build that does.")
                }
                return backend
            },
            workFolder: "\(workFolder)/\(id)-\(subtask)", metrics: metrics, clock: clock)
    }

    func restoredList(_ id: OperatorID, _ name: String, _ schema: String, owned: Range<Int>) throws -> [OperatorList.Item] {
        try restore.list(id, name, schema, owned: owned, files: files)
    }
}
