import CRocksDB

/// The options of every database here, each set explicitly: a default may change with the library.
///
/// Files arrive by ingestion only, one sorted run each. *Universal* compaction merges runs of like size, so
/// that small checkpoints are merged with one another and the large base under them is rewritten only
/// when what was changed outweighs it; levelled compaction would rewrite whatever of the base the few keys of
/// four small files span. Reads look at `runsMax` runs or so, most of them answered by their bloom filters.
/// No compression: state entries are small and dense, and a checkpoint is on the critical path of the decision.
final class RocksDBOptions: @unchecked Sendable {  // immutable after `init`
    /// Sorted runs that start a compaction.
    static let compactionRuns = 6
    /// Ingestion waits for compaction when there are more runs than this.
    static let runsMax = 16
    private static let writeBufferBytes = 64 << 10

    let handle: OpaquePointer
    private let filter: OpaquePointer?

    init(memory: RocksDBMemory, isNew: Bool, expiry: ExpiryFilter?) {
        handle = rocksdb_options_create()
        filter = expiry?.makeCompactionFilter()
        rocksdb_options_set_compaction_filter(handle, filter)
        general(isNew: isNew)
        noMemtable()
        compaction()
        table(memory)
    }

    deinit {
        rocksdb_options_destroy(handle)
        if let filter { rocksdb_compactionfilter_destroy(filter) }
    }

    private func general(isNew: Bool) {
        rocksdb_options_set_create_if_missing(handle, isNew ? 1 : 0)
        rocksdb_options_set_error_if_exists(handle, isNew ? 1 : 0)
        rocksdb_options_set_paranoid_checks(handle, 1)
        rocksdb_options_set_skip_stats_update_on_db_open(handle, 1)
        rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(handle, 0)
        rocksdb_options_set_max_open_files(handle, -1)
        rocksdb_options_set_max_file_opening_threads(handle, 1)
        rocksdb_options_set_use_fsync(handle, 0)
        rocksdb_options_set_allow_mmap_reads(handle, 0)
        rocksdb_options_set_allow_mmap_writes(handle, 0)
        rocksdb_options_set_use_direct_reads(handle, 0)
        rocksdb_options_set_use_direct_io_for_flush_and_compaction(handle, 0)
        rocksdb_options_set_bytes_per_sync(handle, 1 << 20)
        rocksdb_options_set_stats_dump_period_sec(handle, 0)
        rocksdb_options_set_stats_persist_period_sec(handle, 0)
        // Fatal messages only, of which there are none: builds with assertions, as Debian's, abort the process when a line of
        // this log follows one that found no room. Without a size, since a log that is begun anew writes its heading.
        rocksdb_options_set_info_log_level(handle, 4)
        rocksdb_options_set_keep_log_file_num(handle, 1)
        // Copied into every checkpoint, so it is begun anew often.
        rocksdb_options_set_max_manifest_file_size(handle, 32 << 10)
        rocksdb_options_set_manifest_preallocation_size(handle, 4 << 10)
    }

    /// Nothing is ever written into it.
    private func noMemtable() {
        rocksdb_options_set_write_buffer_size(handle, Self.writeBufferBytes)
        rocksdb_options_set_max_write_buffer_number(handle, 2)
        rocksdb_options_set_min_write_buffer_number_to_merge(handle, 1)
        rocksdb_options_set_arena_block_size(handle, 4 << 10)
        rocksdb_options_set_recycle_log_file_num(handle, 0)
        rocksdb_options_set_max_total_wal_size(handle, 1 << 20)
    }

    private func compaction() {
        rocksdb_options_set_max_background_jobs(handle, 2)
        rocksdb_options_set_max_subcompactions(handle, 1)
        rocksdb_options_set_disable_auto_compactions(handle, 0)
        rocksdb_options_set_num_levels(handle, 7)
        rocksdb_options_set_compaction_style(handle, Int32(rocksdb_universal_compaction))
        let universal = rocksdb_universal_compaction_options_create()
        rocksdb_universal_compaction_options_set_size_ratio(universal, 10)
        rocksdb_universal_compaction_options_set_min_merge_width(universal, 2)
        rocksdb_universal_compaction_options_set_max_merge_width(universal, 64)
        rocksdb_universal_compaction_options_set_max_size_amplification_percent(universal, 200)
        rocksdb_universal_compaction_options_set_compression_size_percent(universal, -1)
        rocksdb_universal_compaction_options_set_stop_style(
            universal, Int32(rocksdb_total_size_compaction_stop_style))
        rocksdb_options_set_universal_compaction_options(handle, universal)
        rocksdb_universal_compaction_options_destroy(universal)
        rocksdb_options_set_level0_file_num_compaction_trigger(handle, Int32(Self.compactionRuns))
        // They slow down writes into the memtable, of which there are none.
        rocksdb_options_set_level0_slowdown_writes_trigger(handle, 1 << 20)
        rocksdb_options_set_level0_stop_writes_trigger(handle, 1 << 20)
        rocksdb_options_set_soft_pending_compaction_bytes_limit(handle, 0)
        rocksdb_options_set_hard_pending_compaction_bytes_limit(handle, 0)
        rocksdb_options_set_target_file_size_base(handle, 32 << 20)
        rocksdb_options_set_target_file_size_multiplier(handle, 1)
        rocksdb_options_set_compression(handle, Int32(rocksdb_no_compression))
        rocksdb_options_set_bottommost_compression(handle, Int32(rocksdb_no_compression))
        rocksdb_options_compaction_readahead_size(handle, 1 << 20)
    }

    private func table(_ memory: RocksDBMemory) {
        let table = rocksdb_block_based_options_create()
        rocksdb_block_based_options_set_block_cache(table, memory.cache)
        // In memory besides the cache, as long as their file is open: in it, those of a large state would push one another out,
        // and a read would fetch a whole file's filter.
        rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 0)
        rocksdb_block_based_options_set_block_size(table, 8 << 10)
        rocksdb_block_based_options_set_block_restart_interval(table, 16)
        rocksdb_block_based_options_set_index_type(table, 0)  // binary search
        rocksdb_block_based_options_set_data_block_index_type(table, 1)  // with a hash index
        rocksdb_block_based_options_set_data_block_hash_ratio(table, 0.75)
        rocksdb_block_based_options_set_checksum(table, 4)  // XXH3
        rocksdb_block_based_options_set_format_version(table, 5)
        rocksdb_block_based_options_set_whole_key_filtering(table, 1)
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
        rocksdb_options_set_block_based_table_factory(handle, table)
        rocksdb_block_based_options_destroy(table)
    }
}
