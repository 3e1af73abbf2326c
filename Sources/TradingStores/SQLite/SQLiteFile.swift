import Foundation
import GRDB
import StoreKit
import Trading

/// One SQLite file: write-ahead log, synced at every commit, readers beside the writer. Any task.
struct SQLiteFile: Sendable {
    private let pool: DatabasePool
    private let path: String

    /// Opens or makes the file, its folder included, and brings its tables to the newest version.
    init(path: String, migrations: [(name: String, sql: String)]) throws(StoreError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            // What was acknowledged must outlive the machine: an epoch is decided on it.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            pool = try DatabasePool(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            for migration in migrations {
                migrator.registerMigration(migration.name) { try $0.execute(sql: migration.sql) }
            }
            try migrator.migrate(pool)
        } catch {
            throw SQLiteFile.meaning(of: error, path)
        }
    }

    func write<Value: Sendable>(_ body: @Sendable @escaping (Database) throws -> Value) async throws(StoreError) -> Value {
        do { return try await pool.write(body) } catch { throw SQLiteFile.meaning(of: error, path) }
    }

    func read<Value: Sendable>(_ body: @Sendable @escaping (Database) throws -> Value) async throws(StoreError) -> Value {
        do { return try await pool.read(body) } catch { throw SQLiteFile.meaning(of: error, path) }
    }

    func close() { try? pool.close() }

    private static func meaning(of error: any Error, _ path: String) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let failure = error as? DatabaseError else {
            return error is CancellationError ? .unavailable("\(path): cancelled") : .invalid("\(path): \(error)")
        }
        let text = "\(path): \(failure.message ?? "SQLite error \(failure.resultCode.rawValue)")"
        switch failure.resultCode.primaryResultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .conflict(text)
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_INTERRUPT, .SQLITE_ABORT: return .unavailable(text)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return .invalid(
                "\(text). The file is damaged: stop what uses it, move it away with its -wal and -shm, and fill the copy again "
                    + "(docs/history-and-analytics.md)")
        case .SQLITE_MISUSE: return .unavailable("\(path): the store is closed")
        default: return .invalid(text)
        }
    }
}

extension UUIDValue {
    /// The sixteen bytes as SQLite keeps them: half the size of the text, in the same order.
    var blob: Data {
        var bytes: [UInt8] = []
        appendBytes(to: &bytes)
        return Data(bytes)
    }

    /// Reads `blob`.
    init(blob: Data) throws(StoreError) {
        guard blob.count == 16 else { throw .invalid("a stored id has \(blob.count) bytes, not 16") }
        func word(_ bytes: Data) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: word(blob.prefix(8)), low: word(blob.suffix(8)))
    }
}

/// The columns of a trade, and how they are written and read.
enum SQLiteTrade {
    static let columns = "trade_id, order_id, user_id, symbol, side, quantity, price, notional, executed_at"
    static let placeholders = "?, ?, ?, ?, ?, ?, ?, ?, ?"
    static let definitions = """
        trade_id BLOB NOT NULL, order_id BLOB NOT NULL, user_id TEXT NOT NULL, symbol TEXT NOT NULL, side INTEGER NOT NULL,
        quantity INTEGER NOT NULL, price INTEGER NOT NULL, notional INTEGER NOT NULL, executed_at INTEGER NOT NULL
        """

    static func arguments(_ trade: Trade) -> StatementArguments {
        [
            trade.tradeID.value.blob, trade.orderID.value.blob, trade.userID.text, trade.symbol.text,
            Int64(trade.side.rawValue), trade.quantity, trade.price.units, trade.notional.units, trade.executedAtMillis,
        ]
    }

    static func read(_ row: Row) throws -> Trade {
        guard let user = UserID(row["user_id"] as String), let symbol = Symbol(row["symbol"] as String),
            let side = Side(rawValue: UInt8(clamping: row["side"] as Int64))
        else { throw StoreError.invalid("a stored trade names no user, symbol or side: \(row)") }
        return Trade(
            tradeID: TradeID(try UUIDValue(blob: row["trade_id"])), orderID: OrderID(try UUIDValue(blob: row["order_id"])),
            userID: user, symbol: symbol, side: side, quantity: row["quantity"], price: Price(units: row["price"]),
            notional: Money(units: row["notional"]), executedAtMillis: row["executed_at"])
    }
}
