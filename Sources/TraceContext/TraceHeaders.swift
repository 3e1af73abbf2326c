import Instrumentation

/// `traceparent` and `tracestate` as headers of a record carry them from one process to the next.
///
/// Which text they hold is the process's instrument's affair. Without one, what came in is what goes out, so that a
/// trace does not end where nobody traces.
public struct TraceHeaders: Hashable, Sendable {
    public static let parentName = "traceparent"
    public static let stateName = "tracestate"
    /// More is not looked at: it comes from outside.
    public static let bytesMax = 512

    public var traceparent: String?
    public var tracestate: String?

    public static let none = TraceHeaders()

    public init(traceparent: String? = nil, tracestate: String? = nil) {
        self.traceparent = traceparent
        self.tracestate = tracestate
    }

    /// What came from outside; what is not well-formed is left out.
    public init(checking traceparent: String?, tracestate: @autoclosure () -> String?) {
        guard let traceparent, let context = SpanContext(traceparent: traceparent, tracestate: tracestate()) else {
            self = .none
            return
        }
        self.init(traceparent: traceparent, tracestate: context.state)
    }

    /// The same of header bytes.
    public init(traceparent: UnsafeRawBufferPointer?, tracestate: @autoclosure () -> UnsafeRawBufferPointer?) {
        self.init(checking: Self.text(traceparent), tracestate: Self.text(tracestate()))
    }

    private static func text(_ bytes: UnsafeRawBufferPointer?) -> String? {
        guard let bytes, (1...bytesMax).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    public var isEmpty: Bool { traceparent == nil }

    /// The 32 hex digits that name the trace.
    public var traceID: String? { traceparent.map { String($0.dropFirst(3).prefix(32)) } }

    /// Name and value of each.
    public var fields: [(name: String, value: String)] {
        [(Self.parentName, traceparent), (Self.stateName, tracestate)].compactMap { name, value in value.map { (name, $0) } }
    }

    /// The context that work begun by these headers belongs to.
    public var context: InstrumentationContext {
        var context = InstrumentationContext.topLevel
        if !isEmpty { InstrumentationSystem.instrument.extract(self, into: &context, using: Accessor()) }
        return context
    }

    /// What to send along from inside `context`; these headers again where nothing is traced.
    public func continued(in context: InstrumentationContext?) -> TraceHeaders {
        guard let context else { return self }
        var headers = TraceHeaders.none
        InstrumentationSystem.instrument.inject(context, into: &headers, using: Accessor())
        return headers.isEmpty ? self : headers
    }

    private struct Accessor: Extractor, Injector {
        func extract(key: String, from carrier: TraceHeaders) -> String? {
            switch key {
            case parentName: carrier.traceparent
            case stateName: carrier.tracestate
            default: nil
            }
        }

        func inject(_ value: String, forKey key: String, into carrier: inout TraceHeaders) {
            switch key {
            case parentName: carrier.traceparent = value
            case stateName: carrier.tracestate = value
            default: break
            }
        }
    }
}
