import Instrumentation

/// What travels of a span: W3C Trace Context, level 1.
public struct SpanContext: Hashable, Sendable {
    public let traceID: TraceID
    public let spanID: SpanID
    /// Whether who began the trace records it.
    public let isSampled: Bool
    /// Other tracing systems' own words (`tracestate`), handed on unchanged.
    public let state: String?

    public init(traceID: TraceID, spanID: SpanID, isSampled: Bool, state: String? = nil) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.state = state
    }

    /// Reads `traceparent`, and `tracestate` if that is well-formed too. Nil when `traceparent` is not: the trace
    /// then begins anew.
    public init?(traceparent: String, tracestate: String? = nil) {
        let bytes = Array(traceparent.utf8)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Hex.value(bytes[0..<2]), version != 0xFF,
            // Later versions may append fields; this one has none.
            bytes.count == 55 || (version > 0 && bytes[55] == dash),
            let high = Hex.value(bytes[3..<19]), let low = Hex.value(bytes[19..<35]),
            let trace = TraceID(high: high, low: low), let parent = Hex.value(bytes[36..<52]), let span = SpanID(parent),
            let flags = Hex.value(bytes[53..<55])
        else { return nil }
        self.init(
            traceID: trace, spanID: span, isSampled: flags & 1 == 1,
            state: tracestate.flatMap { TraceState.isWellFormed($0) ? $0 : nil })
    }

    /// As the field is written.
    public var traceparent: String { "00-\(traceID)-\(spanID)-\(Hex.text(UInt8(isSampled ? 1 : 0)))" }
}

/// The rules of `tracestate`.
enum TraceState {
    static let bytesMax = 512
    static let membersMax = 32

    /// `key=value` members separated by commas; keys once each.
    static func isWellFormed(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= bytesMax else { return false }
        var keys: Set<String> = []
        let members = text.split(separator: ",", omittingEmptySubsequences: false)
        guard members.count <= membersMax else { return false }
        for member in members {
            let trimmed = member.drop { $0 == " " || $0 == "\t" }
            if trimmed.isEmpty { continue }
            guard let equals = trimmed.firstIndex(of: "=") else { return false }
            let key = trimmed[..<equals]
            guard isKey(key), isValue(trimmed[trimmed.index(after: equals)...]), keys.insert(String(key)).inserted else {
                return false
            }
        }
        return !keys.isEmpty
    }

    private static func isKey(_ key: Substring) -> Bool {
        guard (1...256).contains(key.utf8.count), let first = key.utf8.first, isLetterOrDigit(first) else { return false }
        return key.utf8.allSatisfy { isLetterOrDigit($0) || "_-*/@".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isValue(_ value: Substring) -> Bool {
        (1...256).contains(value.utf8.count)
            && value.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }
}

extension InstrumentationContext {
    private enum SpanContextKey: InstrumentationContextKey {
        typealias Value = SpanContext
    }

    /// The span work is done in; nil outside of traces.
    public var spanContext: SpanContext? {
        get { self[SpanContextKey.self] }
        set { self[SpanContextKey.self] = newValue }
    }
}
