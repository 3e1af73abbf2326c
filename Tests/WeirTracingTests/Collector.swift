import AsyncHTTPClient
import Foundation
import TestServers
import Testing
import TraceContext
import Tracing
import WeirTracing

/// A collector of one test's own, which decodes with OpenTelemetry's definitions (scripts/otlp-receiver.py).
struct Collector: Sendable {
    struct Span: Decodable, Sendable {
        struct Attribute: Decodable, Sendable {
            let key: String
            let value: Value
        }
        struct Value: Decodable, Sendable {
            var stringValue: String?
            var boolValue: Bool?
            var intValue: String?
            var doubleValue: Number?
            var arrayValue: Values?
        }
        struct Values: Decodable, Sendable { let values: [Value] }
        /// A number, or the word for one that JSON has not.
        enum Number: Decodable, Sendable, Equatable {
            case number(Double)
            case word(String)
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let word = try? container.decode(String.self) {
                    self = .word(word)
                } else {
                    self = .number(try container.decode(Double.self))
                }
            }
        }
        struct Event: Decodable, Sendable {
            let name: String
            let timeUnixNano: String
            var attributes: [Attribute]?
        }
        struct Link: Decodable, Sendable {
            let traceId: String
            let spanId: String
            var attributes: [Attribute]?
        }
        struct Status: Decodable, Sendable {
            var code: String?
            var message: String?
        }

        let traceId: String
        let spanId: String
        var parentSpanId: String?
        var traceState: String?
        let name: String
        let kind: String
        let startTimeUnixNano: String
        let endTimeUnixNano: String
        var attributes: [Attribute]?
        var droppedAttributesCount: Int?
        var events: [Event]?
        var droppedEventsCount: Int?
        var links: [Link]?
        var status: Status?

        subscript(_ key: String) -> Value? { attributes?.first { $0.key == key }?.value }
    }
    struct Entry: Decodable, Sendable {
        let resource: [String: String]
        let span: Span
    }
    struct Fault: Encodable {
        var status = 503
        var times: Int
        var retryAfter: Int?
        var partial: Int?
    }

    /// To be given to `OTLPTracing`.
    let endpoint: String

    init() throws {
        endpoint = "\(try TestServer.otlp.url())/\(freshName())"
    }

    func entries() async throws -> [Entry] {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: endpoint + "/spans"), timeout: .seconds(10))
        return try JSONDecoder().decode(
            [Entry].self, from: Data(try await response.body.collect(upTo: 64 << 20).readableBytesView))
    }

    func spans() async throws -> [Span] { try await entries().map(\.span) }

    func fail(_ fault: Fault) async throws {
        var request = HTTPClientRequest(url: endpoint + "/fail")
        request.method = .POST
        request.body = .bytes(try JSONEncoder().encode(fault))
        _ = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
    }

    /// Tracing into this collector.
    func tracing(_ change: (inout OTLPTracing.Options) -> Void = { _ in }) throws -> OTLPTracing {
        var options = OTLPTracing.Options()
        // Long, so that only what a test does makes batches go.
        options.intervalMillis = 60_000
        change(&options)
        return try OTLPTracing(
            endpoint: endpoint, resource: TracingResource(service: "order", version: "1.2.3"), options: options)
    }
}

/// Headers, as a request or a record has them.
struct HeaderBag: Extractor, Injector {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}
