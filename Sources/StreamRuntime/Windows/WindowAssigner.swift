/// Which windows a record belongs to.
///
///     trades.keyed(by: \.symbol).window(.tumbling(.minutes(1)))
///
/// Windows of time go by event time, which needs `.watermarks(…)` upstream, or with `.processingTime` by the clock of the
/// machine as the record arrives. Sizes are whole milliseconds.
public struct WindowAssigner: Sendable {
    @usableFromInline enum Kind: Sendable {
        case grid(size: Int64, slide: Int64, offset: Int64)
        case session(gap: Int64)
        case global
        case count(size: Int, every: Int)
    }
    @usableFromInline let kind: Kind
    @usableFromInline var isProcessingTime = false

    private init(_ kind: Kind) { self.kind = kind }

    /// Windows side by side. They begin at multiples of `size` since 1970-01-01 UTC, plus `offset` (which may be negative):
    /// days in Berlin's winter are `.tumbling(.days(1), offset: .hours(-1))`.
    public static func tumbling(_ size: Duration, offset: Duration = .zero) -> Self {
        Self(.grid(size: size.wholeMillis, slide: size.wholeMillis, offset: offset.wholeMillis))
    }

    /// A window of `size` beginning every `slide`. They overlap when `slide < size`; when `slide > size` the records between
    /// two windows belong to none, and are counted in `weir_window_gap_records_total`.
    public static func sliding(_ size: Duration, every slide: Duration, offset: Duration = .zero) -> Self {
        Self(.grid(size: size.wholeMillis, slide: slide.wholeMillis, offset: offset.wholeMillis))
    }

    /// A window for each burst of a key's records: it ends when nothing has come for longer than `gap`.
    public static func session(gap: Duration) -> Self { Self(.session(gap: gap.wholeMillis)) }

    /// One window for each key, which ends with the input: give it a trigger that fires early.
    public static var global: Self { Self(.global) }

    /// A window of each `size` records of a key. What is left at the end of the input makes none.
    public static func count(_ size: Int) -> Self { Self(.count(size: size, every: size)) }

    /// After each `every` records of a key, a window of its last `size` (of fewer, at first).
    public static func count(_ size: Int, every: Int) -> Self { Self(.count(size: size, every: every)) }

    /// The same windows by processing time. No record is ever late for them; the end of the input ends those still open.
    public var processingTime: Self {
        var changed = self
        changed.isProcessingTime = true
        return changed
    }
}
