/// When the sliding windows over slices come due. Pure.
///
/// P1. Every window over a slice with records comes due exactly once, for its last millisecond, in the order of time.
/// P2. A key needs one timer: the earliest of what its slices are due for.
@usableFromInline package struct SlicePlan: Sendable {
    @usableFromInline let grid: WindowGrid
    @usableFromInline let lateness: Int64

    @usableFromInline package init(grid: WindowGrid, lateness: Int64) {
        self.grid = grid
        self.lateness = lateness
    }

    /// From when on a window is over for good.
    @inlinable package func removal(ofWindow start: Int64) -> Int64 { grid.last(of: start).addingSaturating(lateness) }

    /// From when on all windows over a slice are.
    @inlinable package func removal(ofSlice start: Int64) -> Int64 {
        removal(ofWindow: grid.latestStart(containing: start) ?? start)
    }

    /// What a slice is due for next, once `reached` is over: the end of the next window over it, or its removal.
    @inlinable package func due(ofSlice start: Int64, after reached: Int64) -> Int64 {
        windowDue(ofSlice: start, after: reached) ?? removal(ofSlice: start)
    }

    @inlinable func windowDue(ofSlice start: Int64, after reached: Int64) -> Int64? {
        guard reached < .max, let latest = grid.latestStart(containing: start) else { return nil }
        let next = max(grid.earliestStart(containing: start), grid.earliestStart(endingFrom: reached + 1))
        return next <= latest ? grid.last(of: next) : nil
    }

    /// What a key is due for next, once `reached` is over; `nil` without slices. Costs a search.
    @inlinable package func due<Accumulator>(_ list: SliceList<Accumulator>, after reached: Int64) -> Int64? {
        guard let first = list.slices.first else { return nil }
        let oldest = due(ofSlice: first.start, after: reached)
        guard reached < .max else { return oldest }
        // The first slice that has a window to come is the one whose window comes first.
        let open = list.firstPosition(from: grid.earliestStart(endingFrom: reached + 1))
        guard open < list.slices.count, let next = windowDue(ofSlice: list.slices[open].start, after: reached) else {
            return oldest
        }
        return min(oldest, next)
    }
}
