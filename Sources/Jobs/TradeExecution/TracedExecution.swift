import TraceContext
import Tracing
import Trading

/// An outcome and the trace it was decided in, on its way to a topic.
struct TracedOutcome: Sendable {
    let outcome: Outcome
    let trace: TraceHeaders
}

/// What became of an order's execution, and the trace that goes on from it.
struct TracedExecution: Sendable {
    let response: OrderExecutor.Response
    let trace: TraceHeaders
}

extension OrderExecutor {
    /// `execute`, as a span of the trace that the order was placed in.
    ///
    /// An attempt that fails and is repeated is a span each; what is emitted goes on from the last one. A replay after
    /// a restart is a span of its own too: headers tell where work was done, they do not identify anything.
    func executeInSpan(_ request: Request) async throws -> TracedExecution {
        let incoming = request.incoming
        return try await withSpan("execute order", context: incoming.trace.context, ofKind: .consumer) { span in
            if span.isRecording { span.describe(incoming) }
            let response = try await execute(request)
            if span.isRecording { span.attributes["weir.outcome"] = response.name }
            return TracedExecution(response: response, trace: incoming.trace.continued(in: span.context))
        }
    }
}

extension Span {
    fileprivate func describe(_ incoming: IncomingOrder) {
        updateAttributes { attributes in
            attributes["orderId"] = incoming.order.orderID.description
            attributes["userId"] = incoming.order.userID.text
            attributes["symbol"] = incoming.order.symbol.text
            attributes["messaging.destination.name"] = incoming.position.topic
            attributes["messaging.destination.partition.id"] = "\(incoming.position.partition)"
            attributes["messaging.kafka.offset"] = incoming.position.offset
        }
    }
}

extension OrderExecutor.Response {
    fileprivate var name: String {
        switch self {
        case .decided(.trade, _): "trade"
        case .decided(.rejection(let rejection), _): rejection.reason.rawValue
        case .replayed: "replay"
        case .duplicate: "duplicate"
        }
    }
}
