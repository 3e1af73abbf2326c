import StoreKit

extension RocksDatabase {
    /// Opens a store's database of the layout this program knows, again and again.
    static func opener(
        path: String, memoryBytes: Int, nowMillis: @escaping @Sendable () -> Int64
    ) -> @Sendable () throws(StoreError) -> RocksDatabase {
        { () throws(StoreError) -> RocksDatabase in
            let database = try RocksDatabase(path: path, memoryBytes: memoryBytes, expiry: ExpiryFilter(nowMillis: nowMillis))
            try database.requireLayout(1)
            return database
        }
    }

    /// Writes the version of the layout of keys into an empty database; refuses one with another version.
    func requireLayout(_ version: UInt8) throws(StoreError) {
        let found: UInt8? = try storeError { try get(RocksKey.format) { $0?.first } }
        switch found {
        case version: return
        case nil:
            var batch = Batch()
            batch.put(RocksKey.format, [version])
            try write(batch)
        case let found?:
            throw .invalid("\(path) has layout \(found), this program knows \(version); use the program that wrote it")
        }
    }
}
