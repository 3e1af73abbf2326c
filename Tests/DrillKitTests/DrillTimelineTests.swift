import Drills
import Testing

@Suite struct DrillTimelineTests {
    @Test func recoveryFromAKillLastsFromTheKillToTheFirstNewOutput() {
        var timeline = DrillTimeline()
        timeline.observe(outputs: 100, atMillis: 900)
        let mark = timeline.begin(.kill, atMillis: 1_000)
        timeline.observe(outputs: 120, atMillis: 1_003)  // committed before the kill
        timeline.end(mark, atMillis: 1_005)
        timeline.observe(outputs: 120, atMillis: 1_100)
        #expect(timeline.isRecovering)
        timeline.observe(outputs: 121, atMillis: 1_240)
        timeline.observe(outputs: 500, atMillis: 1_300)
        #expect(timeline.marks.map(\.recoveryMillis) == [240])
        #expect(!timeline.isRecovering)
    }

    @Test func recoveryFromAStandstillCountsFromItsEnd() {
        var timeline = DrillTimeline()
        let mark = timeline.begin(.standstill, atMillis: 1_000)
        timeline.end(mark, atMillis: 3_000)
        timeline.observe(outputs: 1, atMillis: 3_050)
        #expect(timeline.marks.first?.recoveryMillis == 50)
    }

    @Test func aTroubleThatTheNextOneOvertakesIsNotMeasured() {
        var timeline = DrillTimeline()
        let first = timeline.begin(.kill, atMillis: 0)
        timeline.end(first, atMillis: 1)
        let second = timeline.begin(.kill, atMillis: 50)
        timeline.end(second, atMillis: 51)
        timeline.observe(outputs: 10, atMillis: 200)
        #expect(timeline.marks.map(\.recoveryMillis) == [nil, 150])
        let times = RecoveryTimes(.kill, timeline.marks)
        #expect((times.troubles, times.measured, times.p50Millis, times.maxMillis) == (2, 1, 150, 150))
    }

    @Test func aTroubleThatEndsAfterTheNextOneBeganTakesNothingFromIt() {
        var timeline = DrillTimeline()
        let outer = timeline.begin(.fullDisk, atMillis: 0)
        let inner = timeline.begin(.injected, atMillis: 100)
        timeline.end(inner, atMillis: 110)
        timeline.end(outer, atMillis: 500)
        timeline.observe(outputs: 1, atMillis: 600)
        #expect(timeline.marks.map(\.recoveryMillis) == [nil, 500])
        #expect(timeline.marks.map(\.endedMillis) == [500, 110])
    }

    @Test func outputsAreCountedInTheBucketInWhichTheyWereSeen() {
        var timeline = DrillTimeline(bucketMillis: 100)
        timeline.observe(outputs: 5, atMillis: 20)
        timeline.observe(outputs: 8, atMillis: 99)
        timeline.observe(outputs: 10, atMillis: 350)
        #expect(timeline.buckets == [8, 0, 0, 2])
        #expect(timeline.lastOutputMillis == 350)
    }

    @Test func aLongDrillIsKeptInWiderBucketsThatLoseNothing() {
        var timeline = DrillTimeline(bucketMillis: 100)
        for second in 0..<3_600 { timeline.observe(outputs: (second + 1) * 10, atMillis: second * 1_000) }
        #expect(timeline.buckets.count <= 2_000)
        #expect(timeline.buckets.reduce(0, +) == 36_000)
        #expect(timeline.bucketMillis == 3_200)
    }

    @Test func percentilesAreValuesThatOccurred() {
        let values = (1...100).reversed().map { $0 * 10 }
        #expect(Percentile.of(values, percent: 50) == 500)
        #expect(Percentile.of(values, percent: 99) == 990)
        #expect(Percentile.of([7], percent: 99) == 7)
        #expect(Percentile.of([], percent: 50) == nil)
    }
}
