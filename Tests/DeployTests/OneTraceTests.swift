import AsyncHTTPClient
import Foundation
import TestServers
import Testing

/// An order placed over HTTP is one trace, from the client's own span to the last store.
@Suite struct OneTraceTests {
    @Test func anOrdersTraceGoesFromTheRequestThroughTheJobs() async throws {
        let collector = "\(try TestServer.otlp.url())/\(freshName())"
        let history = "\(try TestServer.elasticsearch.url())?index=\(freshName())"
        let system = try RunningSystem([
            // Nothing but what the client asks for is recorded.
            "--set", "tracing.endpoint=\(collector)", "--set", "tracing.sample-ratio=0", "--set", "orders.rate=1",
            "--set", "trading.users=1", "--set", "history=\(history)",
        ])
        defer { system.stop() }
        let trace = String(format: "%016lx%016lx", UInt64.random(in: 1 ... .max), UInt64.random(in: 1 ... .max))
        let client = String(format: "%016lx", UInt64.random(in: 1 ... .max))

        let gateway = try await system.gateway()
        try await gateway.post("/v1/accounts")
        let answer = try await gateway.post(
            "/v1/orders", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1}"#,
            headers: [("idempotency-key", "once"), ("traceparent", "00-\(trace)-\(client)-01"), ("tracestate", "client=1")])
        #expect(answer.status == 202, "\(answer.body)")

        let placed = ["SERVER POST /v1/orders", "CLIENT order /v1/orders", "SERVER POST /v1/orders"]
        let executed = ["CONSUMER execute order"] + placed
        let expected = [
            "POST /_bulk": ["CLIENT POST /_bulk", "CONSUMER record trade"] + executed,
            "analytics-sqlite insert": ["CLIENT analytics-sqlite insert", "CONSUMER insert trade"] + executed,
            // Stores within the process.
            "rocksdb commit": ["CLIENT rocksdb commit"] + executed,
            "orders-rocksdb accept_order": ["CLIENT orders-rocksdb accept_order"] + placed,
        ]
        // From the last store up to the client, without a gap: spans come as they end, those below before those above.
        let spans = try await Self.spans(collector) { spans in
            expected.keys.allSatisfy { Self.path(from: $0, spans).last?.parentSpanId == client }
        }
        #expect(Set(spans.map(\.traceId)) == [trace])
        #expect(Set(spans.map(\.traceState)) == ["client=1"])
        for (name, path) in expected {
            let found = Self.path(from: name, spans)
            #expect(found.map { "\($0.kind.dropFirst("SPAN_KIND_".count)) \($0.name)" } == path, "\(name)")
            #expect(found.last?.parentSpanId == client, "\(name)")
        }
    }

    /// A span of that name and all above it, as far as they have come.
    private static func path(from name: String, _ spans: [Span]) -> [Span] {
        let byID = Dictionary(spans.map { ($0.spanId, $0) }, uniquingKeysWith: { $1 })
        var path = spans.first { $0.name == name }.map { [$0] } ?? []
        while let parent = path.last?.parentSpanId, let next = byID[parent] { path.append(next) }
        return path
    }

    /// A price is a trace of its own, from where it is made into the store.
    @Test func aPricesTraceGoesFromTheFeedToTheStore() async throws {
        let collector = "\(try TestServer.otlp.url())/\(freshName())"
        let system = try RunningSystem([
            "--set", "tracing.endpoint=\(collector)", "--set", "tracing.sample-ratio=1", "--set", "orders.rate=1",
            "--set", "trading.users=1", "--set", "prices.rate=5",
        ])
        defer { system.stop() }
        func whole(_ spans: [Span]) -> (made: Span, cached: Span)? {
            let made = Dictionary(spans.filter { $0.name == "write price" }.map { ($0.spanId, $0) }, uniquingKeysWith: { $1 })
            for cached in spans where cached.name == "cache price" {
                if let parent = cached.parentSpanId.flatMap({ made[$0] }) { return (parent, cached) }
            }
            return nil
        }
        let (made, cached) = try #require(whole(try await Self.spans(collector) { whole($0) != nil }))
        #expect(made.kind == "SPAN_KIND_PRODUCER" && made.parentSpanId ?? "" == "")
        #expect(cached.kind == "SPAN_KIND_CONSUMER" && cached.traceId == made.traceId)
    }

    struct Span: Decodable, Sendable {
        let traceId: String
        let spanId: String
        let parentSpanId: String?
        let traceState: String?
        let name: String
        let kind: String
    }

    /// What the collector has taken, once `isComplete` says so; at most half a minute.
    private static func spans(_ collector: String, until isComplete: ([Span]) -> Bool) async throws -> [Span] {
        struct Entry: Decodable { let span: Span }
        var spans: [Span] = []
        for _ in 0..<300 {
            let response = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: collector + "/spans"), timeout: .seconds(5))
            let body = try await response.body.collect(upTo: 16 << 20)
            spans = try JSONDecoder().decode([Entry].self, from: Data(body.readableBytesView)).map(\.span)
            if isComplete(spans) { return spans }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("these spans are all that came: \(spans.map(\.name))")
        return spans
    }
}

/// Requests to a gateway as its sample user.
struct GatewayClient: Sendable {
    let url: String
    let token: String

    @discardableResult
    func post(
        _ path: String, _ body: String = "", headers: [(String, String)] = []
    ) async throws -> (status: UInt, body: String) {
        var request = HTTPClientRequest(url: url + path)
        request.method = .POST
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        request.headers.add(name: "content-type", value: "application/json")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(Data(body.utf8))
        // The first prices are on their way: what is refused for want of one is asked again.
        for _ in 0..<50 {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
            let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
            if response.status.code != 503 { return (response.status.code, text) }
            try await Task.sleep(for: .milliseconds(100))
        }
        return (503, "unavailable for five seconds")
    }
}
