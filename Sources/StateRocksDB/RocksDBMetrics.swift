import StreamRuntime

/// What a store tells about its database; refreshed after every file that enters it.
final class RocksDBMetrics: Sendable {
    let reads: MetricRegistry.Cell
    let spills: MetricRegistry.Cell
    let compactionWaits: MetricRegistry.Cell
    private let files: MetricRegistry.Cell
    private let bytes: MetricRegistry.Cell
    private let runs: MetricRegistry.Cell
    private let compactionPending: MetricRegistry.Cell
    private let cacheBytes: MetricRegistry.Cell
    private let memory: RocksDBMemory

    init(_ context: StateStoreContext, memory: RocksDBMemory) {
        self.memory = memory
        let metrics = context.metrics
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        reads = metrics.counter(.rocksDBReads, labels: labels)
        spills = metrics.counter(.rocksDBSpills, labels: labels)
        compactionWaits = metrics.counter(.rocksDBCompactionWaits, labels: labels)
        files = metrics.gauge(.rocksDBFiles, labels: labels)
        bytes = metrics.gauge(.rocksDBBytes, labels: labels)
        runs = metrics.gauge(.rocksDBLevel0Files, labels: labels)
        compactionPending = metrics.gauge(.rocksDBCompactionPending, labels: labels)
        cacheBytes = metrics.gauge(.rocksDBCacheBytes)
    }

    func update(_ database: RocksDB) {
        files.set((0..<7).reduce(0) { $0 + database.count(ofLevel: $1) })
        bytes.set(database.property("rocksdb.live-sst-files-size"))
        runs.set(database.runs)
        compactionPending.set(
            min(1, database.property("rocksdb.compaction-pending") + database.property("rocksdb.num-running-compactions")))
        cacheBytes.set(memory.cacheUsageBytes)
    }
}

extension MetricDescription {
    /// What keyed state on RocksDB tells.
    public static let rocksDB: [MetricDescription] = [
        rocksDBReads, rocksDBSpills, rocksDBCompactionWaits, rocksDBFiles, rocksDBBytes, rocksDBLevel0Files,
        rocksDBCompactionPending, rocksDBCacheBytes,
    ]
    private static let ofOperator: [MetricLabel] = [.operatorID, .subtask]

    static let rocksDBReads = counter(
        "weir_rocksdb_reads_total", in: "keys", by: ofOperator,
        "Keys that were not in memory and were looked up in the database.")
    static let rocksDBSpills = counter(
        "weir_rocksdb_spills_total", in: "times", by: ofOperator,
        "Times changed entries were written between barriers to make room.")
    static let rocksDBCompactionWaits = counter(
        "weir_rocksdb_compaction_waits_total", in: "times", by: ofOperator,
        "Spills and snapshots that waited for compaction.")
    static let rocksDBFiles = gauge("weir_rocksdb_files", in: "files", by: ofOperator, "Live sorted files.")
    static let rocksDBBytes = gauge("weir_rocksdb_bytes", in: "bytes", by: ofOperator, "Bytes of the live sorted files.")
    static let rocksDBLevel0Files = gauge(
        "weir_rocksdb_level0_files", in: "files", by: ofOperator, "Overlapping sorted files, each looked at by a read.")
    static let rocksDBCompactionPending = gauge(
        "weir_rocksdb_compaction_pending", in: "0 or 1", by: ofOperator, "1 when a compaction is due or running.")
    static let rocksDBCacheBytes = gauge(
        "weir_rocksdb_block_cache_bytes", in: "bytes", "Block cache in use, shared by the stores of a process.")
}
