import Foundation
import Testing
import TraceContext
import Tracing
import WeirTracing

/// What arrives at a collector that decodes strictly.
@Suite struct ExportTests {
    @Test func everyPartOfASpanArrives() async throws {
        let collector = try Collector()
        let tracing = try collector.tracing()
        let other = tracing.tracer.startSpan("other", context: .topLevel)
        let span = tracing.tracer.startSpan("place order", context: .topLevel, ofKind: .server, at: Nanos(1_000))
        span.updateAttributes { attributes in
            attributes["symbol"] = "AAPL \"quoted\" \u{1F4C8}"
            attributes["quantity"] = Int64.max
            attributes["filled"] = true
            attributes["ratio"] = 0.5
            attributes["endless"] = Double.infinity
            attributes["tags"] = ["a", "b"]
            attributes["sizes"] = [1, 2]
        }
        span.addEvent(SpanEvent(name: "priced", at: Nanos(1_500), attributes: ["price": "189.25"]))
        span.addLink(SpanLink(context: other.context, attributes: ["why": "same user"]))
        span.recordError(Failure())
        span.setStatus(SpanStatus(code: .error, message: "refused"))
        span.end(at: Nanos(2_000))
        await tracing.shutdown()

        let entry = try #require(try await collector.entries().first)
        #expect(try await collector.entries().count == 1)
        #expect(entry.resource["service.name"] == "order")
        #expect(entry.resource["service.version"] == "1.2.3")
        #expect(entry.resource["service.instance.id"]?.isEmpty == false)
        let arrived = entry.span
        let context = try #require(span.context.spanContext)
        #expect(arrived.traceId == "\(context.traceID)")
        #expect(arrived.spanId == "\(context.spanID)")
        #expect(arrived.parentSpanId == nil)
        #expect(arrived.name == "place order")
        #expect(arrived.kind == "SPAN_KIND_SERVER")
        #expect((arrived.startTimeUnixNano, arrived.endTimeUnixNano) == ("1000", "2000"))
        #expect(arrived["symbol"]?.stringValue == "AAPL \"quoted\" \u{1F4C8}")
        #expect(arrived["quantity"]?.intValue == "9223372036854775807")
        #expect(arrived["filled"]?.boolValue == true)
        #expect(arrived["ratio"]?.doubleValue == .number(0.5))
        #expect(arrived["endless"]?.doubleValue == .word("Infinity"))
        #expect(arrived["tags"]?.arrayValue?.values.map(\.stringValue) == ["a", "b"])
        #expect(arrived["sizes"]?.arrayValue?.values.map(\.intValue) == ["1", "2"])
        let events = try #require(arrived.events)
        #expect(events.map(\.name) == ["priced", "exception"])
        #expect(events.first?.timeUnixNano == "1500")
        #expect(events.last?.attributes?.first { $0.key == "exception.message" }?.value.stringValue == "no cash")
        #expect(arrived.links?.first?.spanId == other.context.spanContext.map { "\($0.spanID)" })
        #expect(arrived.status?.code == "STATUS_CODE_ERROR")
        #expect(arrived.status?.message == "refused")
        #expect(tracing.counts.exported == 1 && tracing.counts.dropped == 0)
    }

    @Test func aTraceGoesOnThroughHeaders() async throws {
        let collector = try Collector()
        let (sender, receiver) = (try collector.tracing(), try collector.tracing { $0.ratio = 0 })
        let remote = [
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "congo=t61rcWkgMzE",
        ]
        var context = InstrumentationContext.topLevel
        sender.tracer.extract(remote, into: &context, using: HeaderBag())
        let sent = sender.tracer.startSpan("send", context: context, ofKind: .producer)
        var headers: [String: String] = [:]
        sender.tracer.inject(sent.context, into: &headers, using: HeaderBag())
        sent.end()
        #expect(headers["tracestate"] == "congo=t61rcWkgMzE")

        // The receiver would begin no trace of its own, and records what another began.
        var received = InstrumentationContext.topLevel
        receiver.tracer.extract(headers, into: &received, using: HeaderBag())
        receiver.tracer.startSpan("receive", context: received, ofKind: .consumer).end()
        await sender.shutdown()
        await receiver.shutdown()

        let spans = Dictionary(try await collector.spans().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        #expect(spans["send"]?.parentSpanId == "b7ad6b7169203331")
        #expect(spans["receive"]?.parentSpanId == spans["send"]?.spanId)
        #expect(Set(spans.values.map(\.traceId)) == ["0af7651916cd43dd8448eb211c80319c"])
        #expect(spans["receive"]?.traceState == "congo=t61rcWkgMzE")
    }

    @Test func whatIsNotSampledIsNotSentAndSaysSo() async throws {
        let collector = try Collector()
        let tracing = try collector.tracing { $0.ratio = 0 }
        let span = tracing.tracer.startSpan("quiet", context: .topLevel)
        #expect(!span.isRecording)
        var headers: [String: String] = [:]
        tracing.tracer.inject(span.context, into: &headers, using: HeaderBag())
        #expect(headers["traceparent"]?.hasSuffix("-00") == true)
        span.end()
        await tracing.shutdown()
        #expect(try await collector.spans().isEmpty)
        #expect((tracing.counts.exported, tracing.counts.dropped) == (0, 0))
    }

    @Test func manyThreadsLoseNothing() async throws {
        let collector = try Collector()
        let tracing = try collector.tracing { $0.batch = 100 }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<250 { tracing.tracer.startSpan("\(task)/\(number)", context: .topLevel).end() }
                }
            }
        }
        await tracing.shutdown()
        let spans = try await collector.spans()
        #expect(spans.count == 2_000)
        #expect(Set(spans.map(\.name)).count == 2_000)
        #expect(Set(spans.map(\.spanId)).count == 2_000)
    }

    @Test func aSpanEndsOnceAndIsBounded() async throws {
        let collector = try Collector()
        let tracing = try collector.tracing { $0.redact = { $0.replacing("hunter2", with: "***") } }
        let span = tracing.tracer.startSpan("large", context: .topLevel)
        var attributes = SpanAttributes()
        for number in 0..<200 { attributes["a\(number)"] = number }
        span.attributes = attributes
        for number in 0..<100 { span.addEvent(SpanEvent(name: "e\(number)")) }
        span.end()
        span.end()
        span.operationName = "changed too late"
        let secret = tracing.tracer.startSpan("secret", context: .topLevel)
        secret.attributes["url"] = "http://a:hunter2@b/" + String(repeating: "x", count: 10_000)
        secret.end()
        await tracing.shutdown()
        let spans = Dictionary(try await collector.spans().map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        #expect(spans.count == 2)
        #expect(spans["large"]?.attributes?.count == 128)
        #expect(spans["large"]?.droppedAttributesCount == 72)
        #expect(spans["large"]?.events?.count == 64)
        #expect(spans["large"]?.droppedEventsCount == 36)
        let url = try #require(spans["secret"]?["url"]?.stringValue)
        #expect(url.hasPrefix("http://a:***@b/") && url.utf8.count == 2_048)
    }
}

private struct Failure: Error, CustomStringConvertible { let description = "no cash" }

/// An instant by its number.
private struct Nanos: TracerInstant {
    let nanosecondsSinceEpoch: UInt64
    init(_ nanos: UInt64) { nanosecondsSinceEpoch = nanos }
    static func < (a: Self, b: Self) -> Bool { a.nanosecondsSinceEpoch < b.nanosecondsSinceEpoch }
}
