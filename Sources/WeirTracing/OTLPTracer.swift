import TraceContext
import Tracing

/// A tracer of swift-distributed-tracing whose spans end in a `SpanQueue`. Any thread.
public final class OTLPTracer: Tracer {
    private let sampler: Sampler
    private let spans: SpanQueue

    init(_ sampler: Sampler, _ spans: SpanQueue) {
        self.sampler = sampler
        self.spans = spans
    }

    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> OTLPSpan {
        var context = context()
        let parent = context.spanContext
        let trace = parent?.traceID ?? .random()
        let identity = SpanContext(
            traceID: trace, spanID: .random(), isSampled: sampler.records(trace, parent: parent), state: parent?.state)
        context.spanContext = identity
        return OTLPSpan(
            operationName, context: context, identity: identity, parent: parent?.spanID, kind: kind,
            startNanos: instant().nanosecondsSinceEpoch, spans: identity.isSampled ? spans : nil)
    }

    public func startAnySpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> any Tracing.Span {
        startSpan(
            operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID, line: line)
    }

    /// Asks for delivery of what has ended; does not wait for it.
    public func forceFlush() { spans.nudge() }

    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: TraceHeaders.parentName, from: carrier) else { return }
        let state = extractor.extract(key: TraceHeaders.stateName, from: carrier)
        if let remote = SpanContext(traceparent: parent, tracestate: state) { context.spanContext = remote }
    }

    public func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.spanContext else { return }
        injector.inject(span.traceparent, forKey: TraceHeaders.parentName, into: &carrier)
        if let state = span.state { injector.inject(state, forKey: TraceHeaders.stateName, into: &carrier) }
    }
}
