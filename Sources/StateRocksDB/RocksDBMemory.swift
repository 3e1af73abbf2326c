import CRocksDB
import Synchronization

/// How one process-wide number of bytes is divided among everything a `RocksDBBackend` keeps in memory:
///
///     1/8   block cache, shared by all stores: data blocks
///     7/8   tables, of which a third each for
///             the slots themselves (`tableBytesMax`, divided evenly among the open stores),
///             what is on its way into a file: rows taken at the barrier, encoded and sorted,
///             a second set of slots, while a table makes room
///     +     64 KiB of write buffer a store, which stays empty
///     +     about 1.5 bytes a stored entry: bloom filters and indexes of the open files
///
/// Blocks being read and compacted are RocksDB's own and small (`RocksDBOptions`). What values keep
/// outside their slots (text, arrays) is not counted by the tables.
final class RocksDBMemory: @unchecked Sendable {  // the cache is thread-safe and lives as long as this
    static let bytesMin = 1 << 20

    let totalBytes: Int
    let cacheBytes: Int
    let cache: OpaquePointer
    private let openStores = Atomic<Int>(0)

    init(totalBytes: Int) {
        self.totalBytes = max(totalBytes, Self.bytesMin)
        cacheBytes = self.totalBytes / 8
        let options = rocksdb_lru_cache_options_create()
        rocksdb_lru_cache_options_set_capacity(options, cacheBytes)
        rocksdb_lru_cache_options_set_num_shard_bits(options, 2)
        cache = rocksdb_cache_create_lru_opts(options)
        rocksdb_lru_cache_options_destroy(options)
    }

    deinit { rocksdb_cache_destroy(cache) }

    /// For the slots of one store's tables, as things stand now.
    var tableBytesMax: Int {
        (totalBytes - cacheBytes) / 3 / max(1, openStores.load(ordering: .relaxed))
    }

    /// Entries of a restore are sorted in pieces of this size.
    var restoreChunkBytes: Int { min(16 << 20, max(1 << 18, tableBytesMax)) }

    var cacheUsageBytes: Int { rocksdb_cache_get_usage(cache) }

    func storeOpened() { openStores.wrappingAdd(1, ordering: .relaxed) }
    func storeClosed() { openStores.wrappingSubtract(1, ordering: .relaxed) }
}
