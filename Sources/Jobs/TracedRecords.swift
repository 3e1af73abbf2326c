import TraceContext
import Tracing

/// A record that came with a trace.
protocol Traced {
    var trace: TraceHeaders { get }
    func describe(_ attributes: inout SpanAttributes)
}

extension Array where Element: Traced {
    /// Does `body` for all of them, as a span in the trace of each that has one. An attempt that fails and is repeated is a
    /// span each.
    func inSpans<Value: Sendable>(_ name: String, _ body: () async throws -> Value) async throws -> Value {
        let spans = filter { !$0.trace.isEmpty }.map { incoming in
            let span = startSpan(name, context: incoming.trace.context, ofKind: .consumer)
            if span.isRecording { span.updateAttributes(incoming.describe) }
            return span
        }
        defer { for span in spans { span.end() } }
        // What the body asks of a store is one request for all: it belongs to the first trace that is recorded.
        let current = spans.first { $0.isRecording }?.context ?? InstrumentationContext.current
        do {
            return try await InstrumentationContext.withValue(current) { try await body() }
        } catch {
            for span in spans { span.recordError(error) }
            throw error
        }
    }
}

extension IncomingTrade: Traced {
    func describe(_ attributes: inout SpanAttributes) {
        attributes["tradeId"] = trade.tradeID.description
        attributes["orderId"] = trade.orderID.description
        attributes["userId"] = trade.userID.text
        attributes["symbol"] = trade.symbol.text
        attributes["messaging.destination.name"] = position.topic
        attributes["messaging.destination.partition.id"] = "\(position.partition)"
        attributes["messaging.kafka.offset"] = position.offset
    }
}
