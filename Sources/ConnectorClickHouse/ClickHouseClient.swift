import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import StoreKit
import StreamRuntime

/// A client of ClickHouse's HTTP interface. Every call is bounded in time and size; none is repeated here. Any task.
///
///     try ClickHouseClient("clickhouse://analytics.internal:8123/trading")
///
/// The URL: `clickhouse://[user:password@]host[:8123][/database][?tls=true][&timeout-ms=30000][&connections=8]`. Instead of
/// a user in the URL the environment may hold `WEIR_CLICKHOUSE_USER` and `WEIR_CLICKHOUSE_PASSWORD`. Credentials travel in
/// headers and are never part of a message.
public final class ClickHouseClient: Sendable {
    /// What messages call the server: host and port.
    public let name: String
    public let database: String

    private let base: String
    private let user: String?
    private let password: String?
    private let http: StoreHTTP

    /// A client that connects when it is first used.
    public convenience init(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) {
        try self.init(try StoreURL(url), environment: environment)
    }

    package init(_ url: StoreURL, environment: [String: String]) throws(StoreError) {
        try url.allow(["tls", "timeout-ms", "connections"])
        guard !url.host.isEmpty else {
            throw .invalid("'\(url.redacted)' names no host: clickhouse://127.0.0.1:8123/default")
        }
        let path = url.path.drop { $0 == "/" }
        database = path.isEmpty ? "default" : String(path)
        guard database.utf8.allSatisfy({ $0 | 0x20 >= 97 && $0 | 0x20 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 95 }) else {
            throw .invalid("'\(url.redacted)': a database's name has letters, digits and '_' only")
        }
        var bounds = StoreHTTP.Settings()
        bounds.timeoutMillis = try url.positive("timeout-ms", fallback: 30_000)
        bounds.connectionsMax = Int(try url.positive("connections", fallback: 8))
        name = "\(url.host):\(url.port ?? 8123)"
        base = "\(try url.flag("tls") ? "https" : "http")://\(name)/"
        user = url.user ?? environment["WEIR_CLICKHOUSE_USER"]
        password = url.password ?? environment["WEIR_CLICKHOUSE_PASSWORD"]
        http = StoreHTTP(name, bounds)
    }

    /// Ends all connections; calls under way fail.
    public func close() async { await http.close() }

    // MARK: Statements

    /// Inserts rows given as `JSONEachRow` (an object a line). `cut`: the same rows that came under the same name before are
    /// not inserted again, as far back as the table's deduplication window reaches.
    public func insert(into table: String, rows: ByteBuffer, cut: String? = nil) async throws(StoreError) {
        var parameters = [("query", "INSERT INTO \(table) FORMAT JSONEachRow"), ("database", database)]
        if let cut { parameters.append(("insert_deduplication_token", Self.token(of: cut, rows))) }
        _ = try await send("insert", parameters, rows)
    }

    /// What the server knows a cut by. The name alone will not do: where offsets begin again (a topic made anew, another
    /// cluster's) it comes back with other rows, which the server would drop without a word.
    package static func token(of cut: String, _ rows: ByteBuffer) -> String {
        let hash = rows.withUnsafeReadableBytes { XXH64.hash($0) }
        return "\(cut)/" + String(hash, radix: 16)
    }

    /// A statement without an answer. `isGlobal`: not inside the client's database, which need not exist.
    public func execute(_ statement: String, isGlobal: Bool = false) async throws(StoreError) {
        _ = try await send("execute", isGlobal ? [] : [("database", database)], ByteBuffer(string: statement))
    }

    /// The rows of a SELECT, each as the texts of its columns (`TabSeparated`; columns of free text are not unescaped).
    /// `{name:Type}` in the statement takes its value from `values`. `isGlobal`: as with `execute`.
    package func rows(
        _ select: String, _ values: [(name: String, value: String)] = [], isGlobal: Bool = false
    ) async throws(StoreError) -> [[Substring]] {
        let parameters =
            (isGlobal ? [] : [("database", database)]) + [("wait_end_of_query", "1")]
            + values.map { ("param_\($0.name)", $0.value) }
        let answer = try await send("select", parameters, ByteBuffer(string: select + " FORMAT TabSeparated"))
        return String(buffer: answer).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false)
        }
    }

    private func send(
        _ operation: String, _ parameters: [(String, String)], _ body: ByteBuffer
    ) async throws(StoreError) -> ByteBuffer {
        var request = HTTPClientRequest(url: base + Self.query(parameters))
        request.method = .POST
        if let user { request.headers.add(name: "x-clickhouse-user", value: user) }
        if let password { request.headers.add(name: "x-clickhouse-key", value: password) }
        request.body = .bytes(body)
        let answer = try await http.send(request, operation)
        let exception = ClickHouseException(endOf: answer.body)
        let code = answer.headers.first(name: "x-clickhouse-exception-code").flatMap { Int($0) } ?? exception?.code
        if answer.status == 200, code == nil { return answer.body }
        throw ClickHouseRefusal.meaning(answer.status, code, exception?.text ?? answer.text, "\(operation) on \(name)")
    }

    private static func query(_ parameters: [(String, String)]) -> String {
        guard !parameters.isEmpty else { return "" }
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        return "?"
            + parameters.map { name, value in
                "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
            }.joined(separator: "&")
    }
}

/// An exception that a body ends with. What fails after the head of an answer went out is told there, behind rows that were
/// already sent and under the status 200.
private struct ClickHouseException {
    let code: Int
    /// From the exception on: what is before it are rows.
    let text: String

    private static let bytesMax = 16 << 10

    /// Nil when the body ends with none. A row that begins with the words of one is taken for one: no statement of ours has such.
    init?(endOf body: ByteBuffer) {
        guard body.readableBytes > 0 else { return nil }
        let end = String(decoding: body.readableBytesView.suffix(Self.bytesMax), as: UTF8.self)
        guard let found = end.firstMatch(of: #/^Code: (\d+)\. DB::/#.anchorsMatchLineEndings()), let code = Int(found.1) else {
            return nil
        }
        self.code = code
        text = String(end[found.range.lowerBound...])
    }
}

/// What the server's refusals mean, by its error codes: its HTTP statuses do not tell a bad statement from a busy server.
enum ClickHouseRefusal {
    /// TOO_MANY_SIMULTANEOUS_QUERIES, MEMORY_LIMIT_EXCEEDED, TOO_MANY_PARTS, CANNOT_SCHEDULE_TASK
    private static let throttled: Set<Int> = [202, 241, 252, 439]
    /// TIMEOUT_EXCEEDED, SOCKET_TIMEOUT
    private static let timeout: Set<Int> = [159, 209]
    /// NETWORK_ERROR, NO_ZOOKEEPER, ABORTED, TABLE_IS_READ_ONLY, NOT_ENOUGH_SPACE, ALL_CONNECTION_TRIES_FAILED,
    /// TOO_FEW_LIVE_REPLICAS, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE, UNKNOWN_STATUS_OF_INSERT, QUERY_WAS_CANCELLED,
    /// KEEPER_EXCEPTION
    private static let unavailable: Set<Int> = [210, 225, 236, 242, 243, 279, 285, 286, 319, 394, 999]

    static func meaning(_ status: Int, _ code: Int?, _ body: String, _ call: String) -> StoreError {
        let text = "\(call): HTTP \(status) \(body.prefix(500))"
        switch code {
        case let code? where throttled.contains(code): return .throttled(text)
        case let code? where timeout.contains(code): return .timeout(text)
        case let code? where unavailable.contains(code): return .unavailable(text)
        case 60, 81: return .invalid("\(text); create what is missing with: weir provision")
        case .some: return .invalid(text)
        case nil where status == 429: return .throttled(text)
        case nil: return status >= 500 ? .unavailable(text) : .invalid(text)
        }
    }
}
