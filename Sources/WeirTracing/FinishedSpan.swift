import TraceContext
import Tracing

/// A span that has ended, as it is exported.
struct FinishedSpan: Sendable {
    let context: SpanContext
    let parent: SpanID?
    let name: String
    let kind: SpanKind
    let startNanos: UInt64
    let endNanos: UInt64
    let attributes: SpanAttributes
    let events: [SpanEvent]
    let links: [(context: SpanContext, attributes: SpanAttributes)]
    let status: SpanStatus?
    /// What did not fit, by what it was.
    let droppedAttributes: Int
    let droppedEvents: Int
    let droppedLinks: Int
}

/// How much a span may hold: its size is bounded whatever a program does with it.
enum SpanLimits {
    static let attributes = 128
    static let events = 64
    static let links = 64
    /// Of a text, in bytes; the rest is cut off.
    static let textBytes = 2_048
}
