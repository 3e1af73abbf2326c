import AsyncHTTPClient
import Foundation
import NIOCore
import StoreKit

/// A client of Elasticsearch's REST API, which OpenSearch speaks too: plain `application/json` and `application/x-ndjson`.
/// Every call is bounded in time and size; none is repeated here. Any task.
///
///     try ElasticsearchClient("elasticsearch://search.internal:9200")
///
/// The URL: `elasticsearch://[user:password@]host[:9200][/prefix][?tls=true][&timeout-ms=10000][&connections=16]`.
/// Instead of a user in the URL the environment may hold `WEIR_ELASTICSEARCH_API_KEY`, or `WEIR_ELASTICSEARCH_USER` and
/// `WEIR_ELASTICSEARCH_PASSWORD`. No credential is ever part of a message.
public final class ElasticsearchClient: Sendable {
    /// What messages call the cluster: host and port.
    public let name: String

    private let base: String
    private let authorization: String?
    private let http: StoreHTTP

    /// A client that connects when it is first used.
    public convenience init(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) {
        try self.init(try StoreURL(url), environment: environment)
    }

    /// `others`: settings in the URL that are not the client's.
    package init(_ url: StoreURL, others: [String] = [], environment: [String: String]) throws(StoreError) {
        try url.allow(["tls", "timeout-ms", "connections"] + others)
        guard !url.host.isEmpty else {
            throw .invalid("'\(url.redacted)' names no host: elasticsearch://127.0.0.1:9200")
        }
        var bounds = StoreHTTP.Settings()
        bounds.timeoutMillis = try url.positive("timeout-ms", fallback: bounds.timeoutMillis)
        bounds.connectionsMax = Int(try url.positive("connections", fallback: Int64(bounds.connectionsMax)))
        name = "\(url.host):\(url.port ?? 9200)"
        let prefix = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        base = "\(try url.flag("tls") ? "https" : "http")://\(name)\(prefix)"
        authorization = Self.authorization(url, environment)
        http = StoreHTTP(name, bounds)
    }

    /// Ends all connections; calls under way fail.
    public func close() async { await http.close() }

    private static func authorization(_ url: StoreURL, _ environment: [String: String]) -> String? {
        if let key = environment["WEIR_ELASTICSEARCH_API_KEY"], !key.isEmpty, url.user == nil { return "ApiKey \(key)" }
        guard let user = url.user ?? environment["WEIR_ELASTICSEARCH_USER"] else { return nil }
        let password = url.password ?? environment["WEIR_ELASTICSEARCH_PASSWORD"] ?? ""
        return "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    // MARK: Calls

    /// A call with an optional JSON body. A status in `accepted` comes back as it is, one that is no success otherwise is
    /// thrown as what it means.
    package func call(
        _ method: HTTPMethodName, _ path: String, body: Data? = nil, accepting accepted: Set<Int> = []
    ) async throws(StoreError) -> (status: Int, body: Data) {
        try await perform(method, path, body.map { ByteBuffer(bytes: $0) }, "application/json", accepted)
    }

    /// One `_bulk` request; `lines` is its body, `count` how many actions it has. The outcome of every action, in order.
    package func bulk(_ lines: ByteBuffer, count: Int) async throws(StoreError) -> [BulkOutcome] {
        let (_, answer) = try await perform(.post, "/_bulk", lines, "application/x-ndjson", [])
        let outcomes = try BulkOutcome.read(answer)
        guard outcomes.count == count else {
            throw .unavailable("_bulk: \(name) answered for \(outcomes.count) of \(count) actions")
        }
        return outcomes
    }

    private func perform(
        _ method: HTTPMethodName, _ path: String, _ body: ByteBuffer?, _ type: String, _ accepted: Set<Int>
    ) async throws(StoreError) -> (status: Int, body: Data) {
        var request = HTTPClientRequest(url: base + path)
        request.method = method.value
        request.headers.add(name: "accept", value: "application/json")
        if let authorization { request.headers.add(name: "authorization", value: authorization) }
        if let body {
            request.headers.add(name: "content-type", value: type)
            request.body = .bytes(body)
        }
        let operation = "\(method.rawValue) \(path.prefix { $0 != "?" })"
        let answer = try await http.send(request, operation)
        let data = Data(answer.body.readableBytesView)
        if (200..<300).contains(answer.status) || accepted.contains(answer.status) { return (answer.status, data) }
        throw ElasticsearchRefusal.meaning(answer.status, data, "\(operation) on \(name)")
    }
}

/// The methods the API uses.
package enum HTTPMethodName: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
}
