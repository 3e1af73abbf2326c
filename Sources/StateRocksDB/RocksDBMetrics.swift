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
        reads = metrics.counter(
            "weir_rocksdb_reads_total", help: "Keys that were not in memory and were looked up in the database.",
            labels: labels)
        spills = metrics.counter(
            "weir_rocksdb_spills_total", help: "Times changed entries were written between barriers to make room.",
            labels: labels)
        compactionWaits = metrics.counter(
            "weir_rocksdb_compaction_waits_total", help: "Files that waited for compaction before they entered.",
            labels: labels)
        files = metrics.gauge("weir_rocksdb_files", help: "Live sorted files.", labels: labels)
        bytes = metrics.gauge("weir_rocksdb_bytes", help: "Bytes of the live sorted files.", labels: labels)
        runs = metrics.gauge(
            "weir_rocksdb_level0_files", help: "Overlapping sorted files, each looked at by a read.", labels: labels)
        compactionPending = metrics.gauge(
            "weir_rocksdb_compaction_pending", help: "1 when a compaction is due or running.", labels: labels)
        cacheBytes = metrics.gauge(
            "weir_rocksdb_block_cache_bytes", help: "Block cache in use, shared by the stores of a process.")
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
