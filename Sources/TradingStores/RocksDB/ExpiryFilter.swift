import CRocksDB

/// Drops ledger lines whose time is over while RocksDB compacts, so that the ledger does not grow for ever
/// and no sweep is needed. Lines go some time after their expiry, never before.
final class ExpiryFilter: Sendable {
    /// Where a value that expires keeps the time: behind its version byte, epoch milliseconds, little-endian. So it is
    /// judged without decoding.
    static let expiryByteOffset = 1
    /// Keys of values that expire.
    private static let prefixes: Set<UInt8> = [RocksKey.executionPrefix, RocksKey.orderPrefix, RocksKey.requestPrefix]

    private let nowMillis: @Sendable () -> Int64

    init(nowMillis: @escaping @Sendable () -> Int64) {
        self.nowMillis = nowMillis
    }

    /// The C object; it keeps this one alive until it is destroyed.
    func makeCompactionFilter() -> OpaquePointer {
        rocksdb_compactionfilter_create(
            Unmanaged.passRetained(self).toOpaque(),
            { state in
                if let state { Unmanaged<ExpiryFilter>.fromOpaque(state).release() }
            },
            { state, _, key, keyLength, value, valueLength, _, _, _ in
                guard let state, let key, let value else { return 0 }
                let filter = Unmanaged<ExpiryFilter>.fromOpaque(state).takeUnretainedValue()
                let isOver = filter.isOver(
                    key: UnsafeRawBufferPointer(start: key, count: keyLength),
                    value: UnsafeRawBufferPointer(start: value, count: valueLength))
                return isOver ? 1 : 0
            },
            { _ in ExpiryFilter.name })
    }

    /// RocksDB keeps the pointer: it is never freed.
    private nonisolated(unsafe) static let name: UnsafePointer<CChar>? = {
        let text = "weir.ledger-expiry".utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
        for (index, character) in text.enumerated() { copy[index] = character }
        return UnsafePointer(copy)
    }()

    /// Whether the pair is a ledger line past its time. Anything it does not recognise stays.
    func isOver(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        guard let prefix = key.first, Self.prefixes.contains(prefix) else { return false }
        let offset = Self.expiryByteOffset
        guard value.count >= offset + 8 else { return false }
        let expiresAtMillis = Int64(littleEndian: value.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        return expiresAtMillis <= nowMillis()
    }
}
