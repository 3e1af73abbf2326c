import Foundation
import TestKit
import Testing
import TraceContext
import Tracing
import WeirTracing

/// Collectors that are away, busy, or do not like what they get.
@Suite struct DeliveryTests {
    private func end(_ count: Int, _ tracing: OTLPTracing) {
        for number in 0..<count { tracing.tracer.startSpan("span \(number)", context: .topLevel).end() }
    }

    @Test func aFullBatchGoesByItself() async throws {
        let collector = try Collector()
        let tracing = try collector.tracing { $0.batch = 10 }
        end(10, tracing)
        try await eventually("10 spans are exported") { tracing.counts.exported == 10 }
        await tracing.shutdown()
    }

    @Test func aBatchThatIsNotFullGoesAfterTheInterval() async throws {
        let collector = try Collector()
        let tracing = try collector.tracing { $0.intervalMillis = 20 }
        end(1, tracing)
        try await eventually("the span is exported") { tracing.counts.exported == 1 }
        await tracing.shutdown()
    }

    @Test func aBusyCollectorIsAskedAgain() async throws {
        let collector = try Collector()
        try await collector.fail(.init(status: 503, times: 2, retryAfter: 0))
        let tracing = try collector.tracing { $0.batch = 5 }
        end(5, tracing)
        try await eventually("5 spans are exported") { tracing.counts.exported == 5 }
        #expect(try await collector.spans().count == 5)
        #expect(tracing.counts.dropped == 0)
        await tracing.shutdown()
    }

    @Test func whatACollectorRefusesIsCountedAndTheNextBatchGoes() async throws {
        let collector = try Collector()
        try await collector.fail(.init(status: 400, times: 1))
        let tracing = try collector.tracing { $0.batch = 5 }
        end(5, tracing)
        try await eventually("5 spans are refused") { tracing.counts.droppedRefused == 5 }
        end(5, tracing)
        try await eventually("5 spans are exported") { tracing.counts.exported == 5 }
        await tracing.shutdown()
    }

    @Test func aPartialRefusalIsCounted() async throws {
        let collector = try Collector()
        try await collector.fail(.init(times: 1, partial: 2))
        let tracing = try collector.tracing { $0.batch = 5 }
        end(5, tracing)
        try await eventually("3 spans are exported") { tracing.counts.exported == 3 }
        #expect(tracing.counts.droppedRefused == 2)
        await tracing.shutdown()
    }

    @Test func aFullQueueDropsTheNewestAndCountsThem() async throws {
        // A batch larger than the queue: nothing goes before the shutdown.
        let collector = try Collector()
        let tracing = try collector.tracing {
            $0.queueMax = 10
            $0.batch = 1_000
        }
        end(25, tracing)
        #expect(tracing.counts.droppedQueueFull == 15)
        await tracing.shutdown()
        #expect(try await collector.spans().map(\.name).sorted() == (0..<10).map { "span \($0)" })
        end(1, tracing)
        #expect(tracing.counts.droppedQueueFull == 16)
    }

    @Test func aShutdownWithoutACollectorEndsAndCounts() async throws {
        let tracing = try OTLPTracing(endpoint: "http://127.0.0.1:1", resource: TracingResource(service: "x", version: "1"))
        end(3, tracing)
        await tracing.shutdown()
        #expect(tracing.counts.droppedUndelivered == 3)
        await tracing.shutdown()
    }

    @Test(arguments: [
        ("ftp://host", "not of the form"), ("collector:4318", "not of the form"), ("http://a:b@host:1", "password"),
        ("http://host:1?x=1", "more than a path"),
    ])
    func anEndpointThatCannotBeIsRefused(_ endpoint: String, _ problem: String) {
        #expect { try OTLPTracing(endpoint: endpoint, resource: TracingResource(service: "x", version: "1")) } throws: {
            "\($0)".contains(problem)
        }
    }

    @Test func answersMeanWhatTheProtocolSays() {
        func answer(_ status: UInt, _ body: String = "", retryAfter: String? = nil) -> DeliveryAnswer {
            DeliveryAnswer(status: status, retryAfter: retryAfter, body: Data(body.utf8))
        }
        #expect(answer(200) == .taken(rejected: 0))
        #expect(answer(200, #"{"partialSuccess":{"rejectedSpans":"7"}}"#) == .taken(rejected: 7))
        #expect(answer(200, #"{"partialSuccess":{"rejectedSpans":7}}"#) == .taken(rejected: 7))
        #expect(answer(200, #"{"partialSuccess":{"rejectedSpans":-7}}"#) == .taken(rejected: 0))
        #expect(answer(429, retryAfter: "3") == .again("the collector answered 429", afterMillis: 3_000))
        #expect(answer(503, retryAfter: "999999") == .again("the collector answered 503", afterMillis: 30_000))
        #expect(answer(502, retryAfter: "soon") == .again("the collector answered 502", afterMillis: nil))
        #expect(answer(500) == .refused("the collector answered 500"))
        #expect(answer(400) == .refused("the collector answered 400"))
    }
}
