import TraceContext

/// Decides at a trace's beginning whether it is recorded; whatever follows keeps to that decision.
///
/// Pure: the decision depends on the trace's id alone, so that all processes with the same ratio agree on it.
public struct Sampler: Sendable, Hashable {
    /// Share of new traces that are recorded, 0 … 1.
    public let ratio: Double
    private let threshold: UInt64

    /// Values outside 0 … 1 are brought to the nearer end.
    public init(ratio: Double) {
        let ratio = ratio.isNaN ? 0 : min(1, max(0, ratio))
        self.ratio = ratio
        threshold = ratio >= 1 ? .max : UInt64(ratio * 0x1p63) << 1
    }

    /// - Parameter parent: the span that asks; nil at a trace's beginning.
    public func records(_ trace: TraceID, parent: SpanContext?) -> Bool {
        if let parent { return parent.isSampled }
        if threshold == 0 { return false }
        return threshold == .max || trace.low < threshold
    }
}
