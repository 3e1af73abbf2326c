/// What every task of an attempt is built from. Immutable.
struct TaskEnvironment: Sendable {
    let graph: JobGraph
    let job: JobID
    let jobName: String
    let attempt: AttemptID
    let keyGroups: KeyGroups
    let backend: any StateBackend
    /// Every form in which the state to go on from may be stored.
    let formats: [any StateFormat]
    /// Where the files are that `restore` names.
    let files: any CheckpointFiles
    let dropsUnknownState: Bool
    let workFolder: String
    let latencyIntervalMillis: Int
    let restore: RestorePoint
    let splits: [OwnedSplit]
    /// Sources read nothing before the first epoch is decided (`RestorePoint.hasUndecidedStarts`).
    let hasUndecidedStarts: Bool
    let clock: any RuntimeClock
    let log: RuntimeLog
    let metrics: MetricRegistry
    let pauses: PauseReasons
    let faults: (any FaultInjector)?
    let alignments = WatermarkAlignments()
    let isCancelled: @Sendable () -> Bool

    func sourceContext(_ id: OperatorID) -> SourceContext {
        SourceContext(
            operatorID: id, job: job, jobName: jobName, log: log.with(["operator": id.rawValue]), isCancelled: isCancelled)
    }

    /// Split k of a source's sorted list belongs to subtask k mod parallelism.
    func assignments(of id: OperatorID, subtask: Int, parallelism: Int) -> [SplitPosition] {
        let stored = restore.positions[id] ?? [:]
        return splits.filter { $0.source == id }.map(\.split).enumerated()
            .filter { $0.offset % parallelism == subtask }
            .map { _, split in
                SplitPosition(split: split.id, next: stored[split.id] ?? (stored.isEmpty ? split.start : split.startWhenAdded))
            }
    }

    func stateStoreContext(_ id: OperatorID, subtask: Int, parallelism: Int) -> StateStoreContext {
        let owned = keyGroups.range(of: subtask, parallelism: parallelism)
        let formats = formats
        return StateStoreContext(
            operatorID: id, subtask: subtask, parallelism: parallelism, keyGroups: keyGroups, owned: owned,
            attempt: attempt, restore: restore.parts(of: id, owned: owned), files: files,
            dropsUndeclaredState: dropsUnknownState,
            reader: { name in
                guard let format = formats.first(where: { $0.name == name }) else {
                    throw RecoveryRefusal(
                        "the checkpoint was written by state backend '\(name)', which this program does not include",
                        remedy: "Run it with a build that does.")
                }
                return format
            },
            workFolder: "\(workFolder)/\(id)-\(subtask)", metrics: metrics, clock: clock)
    }

    func restoredList(_ id: OperatorID, _ name: String, _ schema: String, owned: Range<Int>) throws -> [OperatorList.Item] {
        try restore.list(id, name, schema, owned: owned, files: files)
    }
}
