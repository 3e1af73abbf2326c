import TraceContext
import Tracing

extension [IncomingTrade] {
    /// Does `body` for all of them, as a span in the trace of each that has one. An attempt that fails and is repeated is a
    /// span each.
    func inSpans<Value: Sendable>(_ name: String, _ body: () async throws -> Value) async throws -> Value {
        let spans = filter { !$0.trace.isEmpty }.map { incoming in
            let span = startSpan(name, context: incoming.trace.context, ofKind: .consumer)
            if span.isRecording { span.describe(incoming) }
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

extension Span {
    fileprivate func describe(_ incoming: IncomingTrade) {
        updateAttributes { attributes in
            attributes["tradeId"] = incoming.trade.tradeID.description
            attributes["orderId"] = incoming.trade.orderID.description
            attributes["userId"] = incoming.trade.userID.text
            attributes["symbol"] = incoming.trade.symbol.text
            attributes["messaging.destination.name"] = incoming.position.topic
            attributes["messaging.destination.partition.id"] = "\(incoming.position.partition)"
            attributes["messaging.kafka.offset"] = incoming.position.offset
        }
    }
}
