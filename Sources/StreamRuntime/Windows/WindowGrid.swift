/// Where windows of equal size begin: every `slide` milliseconds, at `offset` from 1970-01-01 UTC, negative times included.
/// Pure; costs one division a call at most.
///
/// A window is known by its start.
///
/// G1. Every time that is not in a gap (`slide > size`) is in at least one window, `Int64.min` and `Int64.max` too.
/// G2. Windows that would begin before `Int64.min` do not exist, but for the last of them: it begins at `Int64.min`, and
///     ends where it would have ended.
/// G3. A window that would end at `Int64.max` or later ends at `Int64.max`, which is its last millisecond.
@usableFromInline package struct WindowGrid: Sendable, Equatable {
    @usableFromInline let size: Int64
    @usableFromInline let slide: Int64
    /// 0..<slide.
    @usableFromInline let offset: Int64
    /// What `offset + size` amounts to as an offset: where windows end.
    @usableFromInline let endOffset: Int64
    @usableFromInline let firstEnd: Int64
    /// One window, all of time.
    @usableFromInline let isGlobal: Bool

    /// One window that contains every time.
    @usableFromInline package static let global = WindowGrid(size: .max, slide: .max, isGlobal: true)

    @usableFromInline package init(size: Int64, slide: Int64, offset: Int64 = 0) {
        self.init(size: size, slide: slide, offset: offset, isGlobal: false)
    }

    private init(size: Int64, slide: Int64, offset: Int64 = 0, isGlobal: Bool) {
        precondition(size > 0 && slide > 0, "a window of \(size) ms every \(slide) ms")
        self.size = size
        self.slide = slide
        self.isGlobal = isGlobal
        self.offset = Self.floorMod(offset, slide)
        endOffset = Self.distance(Self.floorMod(size, slide), slide - self.offset, slide)
        firstEnd = isGlobal ? .max : Int64.min.addingSaturating(size - Self.distance(.min, self.offset, slide))
    }

    /// A time is in at most one window.
    @inlinable var isDisjoint: Bool { slide >= size }

    /// The start of the latest window that contains `time`; `nil` when it lies in a gap.
    @inlinable package func latestStart(containing time: Int64) -> Int64? {
        if isGlobal { return .min }
        let since = Self.distance(time, offset, slide)
        return since < size ? time.subtractingSaturating(since) : nil
    }

    /// The start of the earliest window that contains `time`. Only for grids without gaps.
    @inlinable package func earliestStart(containing time: Int64) -> Int64 {
        if isGlobal { return .min }
        let since = Self.distance(time, offset, slide)
        return time.subtractingSaturating(since + (size - 1 - since) / slide * slide)
    }

    /// The start of the earliest window whose last millisecond is `last` or later. Only for grids without gaps.
    @inlinable package func earliestStart(endingFrom last: Int64) -> Int64 {
        earliestStart(containing: min(last, .max - 1))  // G3: what should end at `Int64.max` has it as its last millisecond
    }

    /// The start of the next window; `nil` at the end of time.
    @inlinable package func start(after start: Int64) -> Int64? {
        if isGlobal { return nil }
        let (next, overflow) = start.addingReportingOverflow(slide - Self.distance(start, offset, slide))
        return overflow ? nil : next
    }

    @inlinable package func end(of start: Int64) -> Int64 { start == .min ? firstEnd : start.addingSaturating(size) }

    @inlinable package func window(_ start: Int64) -> TimeWindow { TimeWindow(start: start, end: end(of: start)) }

    /// How many milliseconds a window has, those after `Int64.max` included.
    @inlinable package func length(of start: Int64) -> UInt64 {
        UInt64(bitPattern: start == .min ? firstEnd &- .min : size)
    }

    @inlinable func last(of start: Int64) -> Int64 { window(start).last }

    /// The start of the slice that contains `time`. Slices are the longest spans in which no window begins or ends: all
    /// times of a slice are in the same windows. There are at most two to a slide.
    @inlinable package func sliceStart(containing time: Int64) -> Int64 {
        let since = Self.distance(time, offset, slide)
        guard endOffset != offset else { return time.subtractingSaturating(since) }
        return time.subtractingSaturating(min(since, Self.distance(time, endOffset, slide)))
    }

    /// How far `time` is behind the last point `offset` apart from a multiple of `period`: 0..<period, without overflow.
    @inlinable static func distance(_ time: Int64, _ offset: Int64, _ period: Int64) -> Int64 {
        let since = floorMod(time, period) - offset
        return since < 0 ? since + period : since
    }

    @inlinable static func floorMod(_ value: Int64, _ period: Int64) -> Int64 {
        let rest = value % period
        return rest < 0 ? rest + period : rest
    }
}
