import CRocksDB
import StreamRuntime

/// One open database: the only place that holds its C handles, which it closes.
///
/// Reads may run beside ingestion and captures, which the caller keeps apart from one another and from `close`.
final class RocksDB: @unchecked Sendable {  // RocksDB's handles are thread-safe; `close` is its owner's last call
    let path: String
    private let options: RocksDBOptions
    private let handle: OpaquePointer
    /// The only column family.
    private let family: OpaquePointer
    private let pointReads: OpaquePointer
    private var isOpen = true

    enum Mode { case create, reopen, readOnly }

    /// `expiry`: what compaction drops.
    init(_ path: String, _ mode: Mode, memory: RocksDBMemory, expiry: ExpiryFilter? = nil) throws {
        self.path = path
        let options = RocksDBOptions(memory: memory, isNew: mode == .create, expiry: expiry)
        self.options = options
        (handle, family) = try Self.open(path, mode, options)
        pointReads = rocksdb_readoptions_create()
        rocksdb_readoptions_set_verify_checksums(pointReads, 1)
        rocksdb_readoptions_set_fill_cache(pointReads, 1)
    }

    deinit { close() }

    /// Waits for a running compaction.
    func close() {
        guard isOpen else { return }
        isOpen = false
        rocksdb_cancel_all_background_work(handle, 1)
        rocksdb_readoptions_destroy(pointReads)
        rocksdb_column_family_handle_destroy(family)
        rocksdb_close(handle)
    }

    private static func open(_ path: String, _ mode: Mode, _ options: RocksDBOptions) throws -> (OpaquePointer, OpaquePointer) {
        var family: OpaquePointer?
        var familyOptions: OpaquePointer? = options.handle
        let opened = try "default".withCString { name in
            var name: UnsafePointer<CChar>? = name
            return try rocks("open the database in", path) { error in
                mode == .readOnly
                    ? rocksdb_open_for_read_only_column_families(
                        options.handle, path, 1, &name, &familyOptions, &family, 0, error)
                    : rocksdb_open_column_families(options.handle, path, 1, &name, &familyOptions, &family, error)
            }
        }
        guard let opened, let family else { throw RocksDBError("open the database in", path, "no handle was returned") }
        return (opened, family)
    }

    // MARK: Reading

    /// Calls `body` with the value of `key` when there is one. Costs 1–3 µs from the block cache.
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let pinned = try rocks("read from", path) {
            rocksdb_get_pinned(handle, pointReads, key.chars, key.count, $0)
        }
        guard let pinned else { return }
        defer { rocksdb_pinnableslice_destroy(pinned) }
        var count = 0
        let bytes = rocksdb_pinnableslice_value(pinned, &count)
        try body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Calls `body` for each key with its position, and its value when there is one. Costs half of as many single reads, or less:
    /// each file's filter and each block is looked up once for up to 32 keys.
    func get(_ keys: borrowing StateKeyBatch, _ body: (Int, UnsafeRawBufferPointer?) throws -> Void) throws {
        let count = keys.count
        var values = [OpaquePointer?](repeating: nil, count: count)
        var errors = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
        defer {
            for case let value? in values { rocksdb_pinnableslice_destroy(value) }
            for case let error? in errors { rocksdb_free(error) }
        }
        keys.withKeys { bytes, ends in
            let starts = [0] + ends.dropLast()
            var pointers: [UnsafePointer<CChar>?] = starts.map { bytes.chars?.advanced(by: $0) }
            let sizes = zip(starts, ends).map { $1 - $0 }
            rocksdb_batched_multi_get_cf(handle, pointReads, family, count, &pointers, sizes, &values, &errors, false)
        }
        for position in 0..<count {
            if let error = errors[position] { throw RocksDBError("read from", path, String(cString: error)) }
            guard let value = values[position] else {
                try body(position, nil)
                continue
            }
            var size = 0
            let bytes = rocksdb_pinnableslice_value(value, &size)
            try body(position, UnsafeRawBufferPointer(start: bytes, count: size))
        }
    }

    enum Readahead {
        /// A few blocks, which may be wanted again.
        case none
        /// All there is, once.
        case large
    }

    /// Entries from `start` on whose key is below `end`, in key order, for as long as `body` returns true.
    func forEach(
        from start: [UInt8], below end: [UInt8], readahead: Readahead,
        _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let reads = rocksdb_readoptions_create()
        defer { rocksdb_readoptions_destroy(reads) }
        rocksdb_readoptions_set_verify_checksums(reads, 1)
        rocksdb_readoptions_set_fill_cache(reads, readahead == .none ? 1 : 0)
        rocksdb_readoptions_set_readahead_size(reads, readahead == .none ? 0 : 1 << 20)
        rocksdb_readoptions_set_total_order_seek(reads, 1)
        try end.withUnsafeBytes { limit in  // must outlive the iterator
            rocksdb_readoptions_set_iterate_upper_bound(reads, limit.chars, limit.count)
            let iterator = rocksdb_create_iterator(handle, reads)
            defer { rocksdb_iter_destroy(iterator) }
            start.withUnsafeBytes { rocksdb_iter_seek(iterator, $0.chars, $0.count) }
            while rocksdb_iter_valid(iterator) != 0 {
                var keyCount = 0
                var valueCount = 0
                let key = rocksdb_iter_key(iterator, &keyCount)
                let value = rocksdb_iter_value(iterator, &valueCount)
                guard
                    try body(
                        UnsafeRawBufferPointer(start: key, count: keyCount),
                        UnsafeRawBufferPointer(start: value, count: valueCount))
                else { return }
                rocksdb_iter_next(iterator)
            }
            try rocks("scan", path) { rocksdb_iter_get_error(iterator, $0) }
        }
    }

    // MARK: Files in and out

    /// Takes a finished sorted file into the database; its entries win over all before. Moves the file.
    func ingest(_ file: String) throws {
        let ingestion = rocksdb_ingestexternalfileoptions_create()
        defer { rocksdb_ingestexternalfileoptions_destroy(ingestion) }
        rocksdb_ingestexternalfileoptions_set_move_files(ingestion, 1)
        rocksdb_ingestexternalfileoptions_set_snapshot_consistency(ingestion, 0)  // no snapshots are held
        rocksdb_ingestexternalfileoptions_set_allow_global_seqno(ingestion, 1)
        rocksdb_ingestexternalfileoptions_set_allow_blocking_flush(ingestion, 0)  // the memtable is empty
        rocksdb_ingestexternalfileoptions_set_ingest_behind(ingestion, 0)
        try file.withCString { name in
            var list: UnsafePointer<CChar>? = name
            try rocks("take in", file) { rocksdb_ingest_external_file(handle, &list, 1, ingestion, $0) }
        }
    }

    /// Hard links of all live files, and the manifest that describes them, in the new folder `target`.
    func capture(into target: String) throws {
        let checkpoint = try rocks("prepare a capture of", path) { rocksdb_checkpoint_object_create(handle, $0) }
        defer { rocksdb_checkpoint_object_destroy(checkpoint) }
        // The log is off and the memtable empty: never flush.
        try rocks("capture the files of \(path) in", target) {
            rocksdb_checkpoint_create(checkpoint, target, .max, $0)
        }
    }

    func newSortedFile(_ file: String) throws -> SortedFile { try SortedFile(file, options: options) }

    /// An integer property (`rocksdb.…`); 0 when there is none of that name.
    func property(_ name: String) -> Int {
        var value: UInt64 = 0
        return rocksdb_property_int(handle, name, &value) == 0 ? Int(clamping: value) : 0
    }

    func count(ofLevel level: Int) -> Int {
        guard let text = rocksdb_property_value(handle, "rocksdb.num-files-at-level\(level)") else { return 0 }
        defer { rocksdb_free(text) }
        return Int(String(cString: text)) ?? 0
    }

    /// Files of level 0: each a sorted run that a read may have to look at.
    var runs: Int { count(ofLevel: 0) }
}

/// A sorted file being written: keys in strictly ascending order, then `finish`. Owned by one thread.
struct SortedFile: ~Copyable {
    private let path: String
    private let writer: OpaquePointer
    private let environment: OpaquePointer
    private let options: RocksDBOptions

    init(_ path: String, options: RocksDBOptions) throws {
        self.path = path
        self.options = options
        environment = rocksdb_envoptions_create()
        writer = rocksdb_sstfilewriter_create(environment, options.handle)
        try rocks("create", path) { rocksdb_sstfilewriter_open(writer, path, $0) }
    }

    deinit {
        rocksdb_sstfilewriter_destroy(writer)
        rocksdb_envoptions_destroy(environment)
    }

    /// `nil` removes the key.
    @inline(__always)
    mutating func add(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws {
        try rocks("write", path) { error in
            if let value {
                rocksdb_sstfilewriter_put(writer, key.chars, key.count, value.chars, value.count, error)
            } else {
                rocksdb_sstfilewriter_delete(writer, key.chars, key.count, error)
            }
        }
    }

    /// The file is complete and synced when this returns. It must hold an entry.
    mutating func finish() throws {
        try rocks("finish", path) { rocksdb_sstfilewriter_finish(writer, $0) }
    }
}
