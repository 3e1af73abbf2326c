import CRocksDB
import Foundation
import StoreKit
import Trading

/// One open RocksDB database: the only place that touches its C interface. Every option that durability
/// rests on is set here, explicitly.
///
/// Thread rule: `get`, `write` and `scan` may be called from any thread (RocksDB's own promise). Closes when
/// the last reference goes, so no call can meet a closed handle.
final class RocksDatabase: @unchecked Sendable {
    // Sendable because the handles are set once and RocksDB's own functions on them are thread-safe.
    private let handle: OpaquePointer
    private let options: OpaquePointer
    private let reading: OpaquePointer
    private let writing: OpaquePointer
    private let cache: OpaquePointer
    private let filter: OpaquePointer
    let path: String

    /// Opens or creates the database at `path`. `expiry` decides which ledger lines compaction drops. Of `memoryBytes`, a quarter
    /// is for blocks read from disk, and as much for each of up to three buffers of what was written last.
    init(path: String, memoryBytes: Int, expiry: ExpiryFilter) throws(StoreError) {
        try RocksDatabase.checkNoneIsLost(path)
        options = rocksdb_options_create()
        rocksdb_options_set_create_if_missing(options, 1)
        rocksdb_options_set_paranoid_checks(options, 1)
        // 0: an unfinished last entry is what a crash leaves; damage anywhere else fails the opening
        // instead of silently dropping the acknowledged commits behind it.
        rocksdb_options_set_wal_recovery_mode(options, 0)
        rocksdb_options_set_manual_wal_flush(options, 0)
        rocksdb_options_set_write_buffer_size(options, memoryBytes / 4)
        rocksdb_options_set_max_write_buffer_number(options, 3)
        // Most look-ups are for outcomes that are not there: a filter answers those without a search.
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.1)
        rocksdb_options_set_memtable_whole_key_filtering(options, 1)
        rocksdb_options_set_max_open_files(options, 256)
        // Its own log stays empty: on a full disk, a second line in it would abort the process (see `RocksDBOptions`).
        rocksdb_options_set_info_log_level(options, 4)
        rocksdb_options_set_keep_log_file_num(options, 1)
        rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
        let table = rocksdb_block_based_options_create()
        cache = rocksdb_cache_create_lru(memoryBytes / 4)
        rocksdb_block_based_options_set_block_cache(table, cache)
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
        rocksdb_options_set_block_based_table_factory(options, table)
        rocksdb_block_based_options_destroy(table)
        filter = expiry.makeCompactionFilter()
        rocksdb_options_set_compaction_filter(options, filter)
        reading = rocksdb_readoptions_create()
        writing = rocksdb_writeoptions_create()
        rocksdb_writeoptions_disable_WAL(writing, 0)
        rocksdb_writeoptions_set_sync(writing, 1)
        self.path = path

        var error: UnsafeMutablePointer<CChar>?
        let opened = rocksdb_open(options, path, &error)
        guard let opened, error == nil else {
            RocksDatabase.destroy(options: options, reading: reading, writing: writing, cache: cache, filter: filter)
            throw RocksDatabase.openingFailure(RocksDatabase.message(error), path: path)
        }
        handle = opened
    }

    deinit {
        rocksdb_close(handle)
        RocksDatabase.destroy(options: options, reading: reading, writing: writing, cache: cache, filter: filter)
    }

    private static func destroy(
        options: OpaquePointer, reading: OpaquePointer, writing: OpaquePointer, cache: OpaquePointer,
        filter: OpaquePointer
    ) {
        rocksdb_readoptions_destroy(reading)
        rocksdb_writeoptions_destroy(writing)
        rocksdb_options_destroy(options)
        rocksdb_compactionfilter_destroy(filter)
        rocksdb_cache_destroy(cache)
    }

    /// Without its file CURRENT, RocksDB takes what is left of a store for none, and makes an empty one beside it. A store that
    /// was killed while it was made has neither tables nor a log yet.
    private static func checkNoneIsLost(_ path: String) throws(StoreError) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let left = names.sorted().first { $0.hasSuffix(".sst") || $0.hasSuffix(".log") }
        guard let left, !names.contains("CURRENT") else { return }
        throw .invalid(
            "the store at \(path) is damaged: \(left) is there, and the file CURRENT is missing. Restore the folder from a copy, "
                + "or start over with the whole data folder and its checkpoints ('weir reset')")
    }

    private static func openingFailure(_ message: String, path: String) -> StoreError {
        // Its words for a lock that is held; damaged blocks, and a lock file that cannot be opened, are something else.
        if message.contains("hold by current process") { return .invalid("\(path) is open in this process already") }
        if message.lowercased().contains("while lock file") {
            let pid = LockOwner.pid(of: "\(path)/LOCK").map { " (\($0))" } ?? ""
            return .invalid("\(path) is open in another process\(pid)")
        }
        return .invalid("cannot open the store at \(path): \(message)")
    }

    /// Reads the value of `key` in place; `body` gets nil when there is none and must not keep the bytes.
    func get<Value>(_ key: [UInt8], _ body: (UnsafeRawBufferPointer?) throws -> Value) throws -> Value {
        var error: UnsafeMutablePointer<CChar>?
        let slice = key.withUnsafeBytes { key in
            rocksdb_get_pinned(
                handle, reading, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count, &error)
        }
        defer { rocksdb_pinnableslice_destroy(slice) }
        if error != nil { throw failure("read", RocksDatabase.message(error)) }
        guard slice != nil else { return try body(nil) }
        var length = 0
        let bytes = rocksdb_pinnableslice_value(slice, &length)
        return try body(UnsafeRawBufferPointer(start: bytes, count: length))
    }

    /// Writes the whole batch, and returns once it is in the synced log. After a failure the effect is
    /// unknown until the database is opened again.
    func write(_ batch: borrowing Batch) throws(StoreError) {
        var error: UnsafeMutablePointer<CChar>?
        rocksdb_write(handle, writing, batch.handle, &error)
        if error != nil { throw failure("write", RocksDatabase.message(error)) }
    }

    /// Hands every key and value from `first` on to `body`, in key order, until it answers false.
    func scan(from first: [UInt8], _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Bool) throws {
        guard let iterator = rocksdb_create_iterator(handle, reading) else { return }
        defer { rocksdb_iter_destroy(iterator) }
        first.withUnsafeBytes { key in
            rocksdb_iter_seek(iterator, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count)
        }
        while rocksdb_iter_valid(iterator) != 0 {
            var keyLength = 0
            var valueLength = 0
            let key = rocksdb_iter_key(iterator, &keyLength)
            let value = rocksdb_iter_value(iterator, &valueLength)
            let goOn = try body(
                UnsafeRawBufferPointer(start: key, count: keyLength),
                UnsafeRawBufferPointer(start: value, count: valueLength))
            if !goOn { break }
            rocksdb_iter_next(iterator)
        }
        var error: UnsafeMutablePointer<CChar>?
        rocksdb_iter_get_error(iterator, &error)
        if error != nil { throw failure("scan", RocksDatabase.message(error)) }
    }

    private func failure(_ action: String, _ message: String) -> StoreError {
        if message.hasPrefix("Corruption") {
            return .invalid("\(path): \(message); restore the data folder from a copy")
        }
        return .unavailable("\(action) in \(path) failed: \(message)")
    }

    /// Takes the C string over.
    private static func message(_ error: UnsafeMutablePointer<CChar>?) -> String {
        guard let error else { return "no reason given" }
        defer { rocksdb_free(error) }
        return String(cString: error)
    }

    /// Puts that take effect together.
    struct Batch: ~Copyable {
        fileprivate let handle: OpaquePointer
        private(set) var count = 0

        init() {
            handle = rocksdb_writebatch_create()
        }

        deinit {
            rocksdb_writebatch_destroy(handle)
        }

        mutating func put(_ key: [UInt8], _ value: [UInt8]) {
            key.withUnsafeBytes { key in
                value.withUnsafeBytes { value in
                    rocksdb_writebatch_put(
                        handle, key.baseAddress?.assumingMemoryBound(to: CChar.self), key.count,
                        value.baseAddress?.assumingMemoryBound(to: CChar.self), value.count)
                }
            }
            count += 1
        }
    }
}
