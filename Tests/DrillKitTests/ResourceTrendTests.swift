import Drills
import Testing

@Suite struct ResourceTrendTests {
    /// Readings once a second, of lives that begin at `starts`, to `end` (seconds).
    private func readings(
        _ starts: [Int], to end: Int, bytes: (_ at: Int, _ age: Int) -> Int,
        files: (_ at: Int, _ age: Int) -> Int = { _, _ in 50 }
    ) -> [ResourceReading] {
        (0..<end).compactMap { second in
            guard let life = starts.lastIndex(where: { $0 <= second }) else { return nil }
            let age = second - starts[life]
            return ResourceReading(
                atMillis: second * 1_000, life: life, ageMillis: age * 1_000, residentBytes: bytes(second, age),
                openFiles: files(second, age))
        }
    }

    @Test func aProcessThatHoldsTheSameIsFlat() throws {
        let trend = try #require(ResourceTrend(readings([0], to: 900) { _, _ in 200 << 20 }))
        #expect(trend.isFlat)
        #expect(trend.residentBytesPerHour == 0)
        #expect(trend.measuredMillis == 419_000)
    }

    @Test func steadyGrowthIsSeenThoughEveryRestartEndsIt() throws {
        // 20 KiB a second is 70 MiB an hour; each life begins at 100 MiB again.
        let found = readings([0, 600, 1200, 1800], to: 2400) { _, age in (100 << 20) + age * 20_480 }
        let trend = try #require(ResourceTrend(found))
        #expect(!trend.isFlat)
        #expect(abs(trend.residentBytesPerHour - 20_480 * 3_600) < 1)
    }

    @Test func livesAtDifferentLevelsAreNoGrowth() throws {
        let found = readings([0, 600, 1200], to: 1800) { at, _ in (100 + at / 600 * 50) << 20 }
        #expect(try #require(ResourceTrend(found)).isFlat)
    }

    @Test func whatFillsInTheFirstMinutesDoesNotCount() throws {
        let found = readings([0], to: 900) { _, age in (100 << 20) + min(age, 480) * 200_000 }
        #expect(try #require(ResourceTrend(found)).isFlat)
    }

    @Test func openFilesThatGrowAreSeen() throws {
        let found = readings([0], to: 900, bytes: { _, _ in 100 << 20 }, files: { at, _ in 50 + at / 60 })
        #expect(!(try #require(ResourceTrend(found)).isFlat))
    }

    @Test func tooShortAWatchSaysNothing() {
        #expect(ResourceTrend(readings([0], to: 590) { _, _ in 1 << 20 }) == nil)
        #expect(ResourceTrend(readings([0, 450, 900, 1350], to: 1800) { _, _ in 1 << 20 }) == nil)
    }

    @Test func aLongSeriesKeepsItsSpanAtAWiderPace() {
        var series = ResourceSeries()
        for second in 0..<20_000 {
            series.add(
                ResourceReading(atMillis: second * 1_000, life: 0, ageMillis: second * 1_000, residentBytes: 1, openFiles: 1))
        }
        #expect(series.readings.count <= 4_000)
        #expect(series.readings.first?.atMillis == 0)
        #expect(series.readings.last.map { $0.atMillis >= 19_980_000 } == true)
    }
}
