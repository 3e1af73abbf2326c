import StreamRuntime
import Testing

/// Window arithmetic against exact arithmetic, everywhere on the line of time.
@Suite struct GridTests {
    static let grids: [(size: Int64, slide: Int64, offset: Int64)] = [
        (1, 1, 0), (10, 10, 0), (10, 10, 3), (10, 10, -3), (10, 10, 25), (7, 3, 0), (7, 3, 1), (6, 2, -1), (5, 4, 2), (40, 1, 0),
        (3, 7, 0), (3, 7, -2), (1, 5, 4),
    ]
    /// Around zero and at both ends of time.
    static let times = Array(-45...Int64(45)) + (0..<60).map { .min + $0 } + (0..<60).map { .max - $0 }

    @Test(arguments: grids) func aTimeIsInTheWindowsOfExactArithmetic(_ size: Int64, _ slide: Int64, _ offset: Int64) {
        let grid = WindowGrid(size: size, slide: slide, offset: offset)
        for time in Self.times {
            let expected = WindowModel.windows(containing: time, size, slide, offset)
            #expect(grid.latestStart(containing: time) == expected.first?.start, "at \(time)")
            guard let latest = expected.first, let earliest = expected.last, slide <= size else {
                if let only = expected.first { #expect(grid.window(only.start) == only, "at \(time)") }
                continue
            }
            #expect(grid.earliestStart(containing: time) == earliest.start, "at \(time)")
            var found: [TimeWindow] = []
            var next: Int64? = earliest.start
            while let start = next, start <= latest.start {
                found.append(grid.window(start))
                next = grid.start(after: start)
            }
            #expect(found == expected.reversed(), "at \(time)")
        }
    }

    @Test func bordersBelongToTheWindowTheyBegin() {
        let grid = WindowGrid(size: 10, slide: 10)
        #expect(grid.latestStart(containing: 9) == 0)
        #expect(grid.latestStart(containing: 10) == 10)
        #expect(grid.latestStart(containing: -1) == -10)
        #expect(grid.latestStart(containing: -10) == -10)
        #expect(grid.latestStart(containing: -11) == -20)
        #expect(grid.window(0).last == 9)
    }

    @Test func theEndsOfTimeHaveWindows() {
        #expect(TimeWindow(start: .min, end: .min).last == .min)
        let grid = WindowGrid(size: 1000, slide: 1000)
        #expect(grid.latestStart(containing: .min) == .min)
        #expect(grid.window(.min) == TimeWindow(start: .min, end: -9_223_372_036_854_775_000))
        let last = grid.latestStart(containing: .max)
        #expect(last == 9_223_372_036_854_775_000)
        #expect(grid.window(last!) == TimeWindow(start: last!, end: .max))
        #expect(grid.window(last!).last == .max)
        #expect(grid.start(after: last!) == nil)
    }

    @Test func theLargestSizesDoNotOverflow() {
        let grid = WindowGrid(size: .max, slide: .max, offset: .min)
        for time in [.min, .min + 1, -1, 0, 1, .max - 1, .max] as [Int64] {
            #expect(grid.latestStart(containing: time) == WindowModel.windows(containing: time, .max, .max, .min).first?.start)
        }
    }

    @Test(arguments: grids.filter { $0.slide < $0.size })
    func timesOfOneSliceAreInTheSameWindows(_ size: Int64, _ slide: Int64, _ offset: Int64) {
        let grid = WindowGrid(size: size, slide: slide, offset: offset)
        var starts: Set<Int64> = []
        for time in Self.times {
            let slice = grid.sliceStart(containing: time)
            #expect(slice <= time)
            #expect(grid.sliceStart(containing: slice) == slice)
            #expect(
                WindowModel.windows(containing: slice, size, slide, offset)
                    == WindowModel.windows(containing: time, size, slide, offset), "at \(time)")
            if (-40..<40).contains(slice) { starts.insert(slice) }
        }
        let perSlide = size % slide == 0 ? 1 : 2
        #expect(starts.count <= (80 / Int(slide) + 1) * perSlide)
    }

    /// Every window with records comes due exactly once, at its end, in the order of time.
    @Test(arguments: grids.filter { $0.slide < $0.size }, [0, 13] as [Int64])
    func everyWindowOverASliceComesDueOnce(_ grid: (size: Int64, slide: Int64, offset: Int64), _ lateness: Int64) {
        let arithmetic = WindowGrid(size: grid.size, slide: grid.slide, offset: grid.offset)
        let plan = SlicePlan(grid: arithmetic, lateness: lateness)
        for times in [[0], [3, 4, 31], [-20, 0, 1, 40], [.max - 3], [.min, .min + 9]] as [[Int64]] {
            var list = SliceList<Int>()
            for time in times { _ = list.place(arithmetic.sliceStart(containing: time), empty: { 1 }) }
            var ends: [Int64] = []
            var reached = Int64.min
            var isFirst = true
            while let due = plan.due(list, after: reached) {
                #expect(due > reached || isFirst || due == .max)
                ends.append(due)
                list.drop(plan, through: due)
                reached = due
                isFirst = false
            }
            let windows = Set(times.flatMap { WindowModel.windows(containing: $0, grid.size, grid.slide, grid.offset) })
            let expected = Set(windows.map(\.last).filter { $0 > .min })
            #expect(expected.isSubset(of: ends), "of \(times)")
            if lateness == 0 { #expect(expected == Set(ends), "of \(times)") }
            #expect(ends == ends.sorted() && list.slices.isEmpty)
        }
    }
}
