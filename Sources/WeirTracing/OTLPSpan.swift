import Synchronization
import TraceContext
import Tracing

/// A span on its way. Any thread. What is done to it after its end has no effect.
public final class OTLPSpan: Tracing.Span {
    private struct State {
        var name: String
        var attributes = SpanAttributes()
        var droppedAttributes = 0
        var events: [SpanEvent] = []
        var droppedEvents = 0
        var links: [(context: SpanContext, attributes: SpanAttributes)] = []
        var droppedLinks = 0
        var status: SpanStatus?
        var hasEnded = false
    }

    public let context: InstrumentationContext
    private let identity: SpanContext
    private let parent: SpanID?
    private let kind: SpanKind
    private let startNanos: UInt64
    /// Nil: the trace is not recorded, and the span only carries its context.
    private let spans: SpanQueue?
    private let state: Mutex<State>

    init(
        _ name: String, context: InstrumentationContext, identity: SpanContext, parent: SpanID?, kind: SpanKind,
        startNanos: UInt64, spans: SpanQueue?
    ) {
        self.context = context
        self.identity = identity
        self.parent = parent
        self.kind = kind
        self.startNanos = startNanos
        self.spans = spans
        state = Mutex(State(name: name))
    }

    public var isRecording: Bool { spans != nil && state.withLock { !$0.hasEnded } }

    public var operationName: String {
        get { state.withLock { $0.name } }
        set { change { $0.name = newValue } }
    }

    public var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set {
            change { state in
                guard newValue.count > SpanLimits.attributes else {
                    state.attributes = newValue
                    return
                }
                var kept = SpanAttributes()
                newValue.forEach { name, value in
                    if kept.count < SpanLimits.attributes { kept.set(name, value: value) }
                }
                state.droppedAttributes += newValue.count - kept.count
                state.attributes = kept
            }
        }
    }

    public func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    public func addEvent(_ event: SpanEvent) {
        change { state in
            if state.events.count < SpanLimits.events { state.events.append(event) } else { state.droppedEvents += 1 }
        }
    }

    public func addLink(_ link: SpanLink) {
        guard let target = link.context.spanContext else { return }
        change { state in
            if state.links.count < SpanLimits.links {
                state.links.append((target, link.attributes))
            } else {
                state.droppedLinks += 1
            }
        }
    }

    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard spans != nil else { return }
        var described = attributes
        described["exception.type"] = "\(type(of: error))"
        described["exception.message"] = "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: described))
    }

    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let spans else { return }
        let endNanos = instant().nanosecondsSinceEpoch
        let finished = state.withLock { state -> FinishedSpan? in
            if state.hasEnded { return nil }
            state.hasEnded = true
            return FinishedSpan(
                context: identity, parent: parent, name: state.name, kind: kind, startNanos: startNanos,
                endNanos: max(startNanos, endNanos), attributes: state.attributes, events: state.events, links: state.links,
                status: state.status, droppedAttributes: state.droppedAttributes, droppedEvents: state.droppedEvents,
                droppedLinks: state.droppedLinks)
        }
        if let finished { spans.add(finished) }
    }

    private func change(_ body: (inout State) -> Void) {
        guard spans != nil else { return }
        state.withLock { state in
            if !state.hasEnded { body(&state) }
        }
    }
}
