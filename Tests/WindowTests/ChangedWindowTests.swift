import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Jobs that go on from a checkpoint with other windows under the same id: what was counted is in a result, and leaves.
@Suite struct ChangedWindowTests {
    private func timed(
        _ events: Events, _ assigner: WindowAssigner, lateness: Duration = .zero
    ) -> Stream<some Chain<WindowResult<Int64, [Int64]>>> {
        events.keyed(by: \.key).window(assigner).allowedLateness(lateness).aggregate(ids()).id("w")
    }

    /// What the operator keeps after the last checkpoint.
    private func entries(_ harness: OperatorHarness<Event, WindowResult<Int64, [Int64]>>) throws -> Double {
        _ = try harness.snapshot()
        return harness.metrics.sum("weir_state_entries", where: ["operator": "w"])
    }

    @Test(arguments: [(10, 20), (20, 10)] as [(Int64, Int64)]) func openWindowsOfAnotherSizeGiveTheirResults(
        before: Int64, after: Int64
    ) throws {
        let harness = try OperatorHarness { (events: Events) in timed(events, .tumbling(.milliseconds(before))) }
        try harness.push(Event(1, id: 0), at: 3)
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in
            timed(events, .tumbling(.milliseconds(after)))
        }
        try restored.watermark(9)
        #expect(restored.elements.isEmpty)
        try restored.watermark(19)
        #expect(restored.elements.map(\.value) == [[0]])
        #expect(restored.elements.map(\.window) == [TimeWindow(start: 0, end: after)])
        #expect(try entries(restored) == 0)
    }

    @Test(arguments: [(5, 20), (20, 5)] as [(Int64, Int64)]) func endedWindowsAreKeptForAnotherLateness(
        before: Int64, after: Int64
    ) throws {
        let harness = try OperatorHarness { (events: Events) in
            timed(events, .tumbling(.milliseconds(10)), lateness: .milliseconds(before))
        }
        try harness.push(Event(1, id: 0), at: 3)
        try harness.watermark(9)
        #expect(harness.elements.map(\.value) == [[0]])
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in
            timed(events, .tumbling(.milliseconds(10)), lateness: .milliseconds(after))
        }
        try restored.push(Event(1, id: 1), at: 4)
        #expect(restored.elements.map(\.value) == [[0, 1]])
        try restored.watermark(29)
        #expect(restored.elements.map(\.value) == [[0, 1]], "and no result twice")
        #expect(try entries(restored) == 0)
    }

    private func reduced(
        _ events: Events, _ trigger: WindowTrigger
    ) -> Stream<some Chain<WindowResult<Int64, Event>>> {
        events.keyed(by: \.key).window(.tumbling(.milliseconds(10))).trigger(trigger).reduce { $1 }.id("w")
    }

    /// It ended the process: nothing was left to combine.
    @Test func aReducedWindowThatGaveAllAwayUnderADiscardingTriggerGivesNothingAtItsEnd() throws {
        let harness = try OperatorHarness { (events: Events) in reduced(events, .atEnd.early(count: 1).discarding) }
        try harness.push(Event(1, id: 0), at: 3)
        #expect(harness.elements.map(\.value.id) == [0])
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in
            reduced(events, .atEnd.early(count: 2))
        }
        try restored.watermark(9)
        #expect(restored.elements.isEmpty)
        try restored.push(Event(1, id: 1), at: 13)
        try restored.watermark(19)
        #expect(restored.elements.map(\.value.id) == [1])
    }

    private func clocked(
        _ events: Events, _ size: Int64, _ trigger: WindowTrigger = .atEnd
    ) -> Stream<some Chain<WindowResult<Int64, [Int64]>>> {
        events.keyed(by: \.key).window(.tumbling(.milliseconds(size)).processingTime).trigger(trigger).aggregate(ids()).id("w")
    }

    @Test(arguments: [(10, 20), (20, 10)] as [(Int64, Int64)]) func openWindowsOfProcessingTimeGiveTheirResults(
        before: Int64, after: Int64
    ) throws {
        let harness = try OperatorHarness { (events: Events) in clocked(events, before) }
        try harness.push(Event(1, id: 0))
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in clocked(events, after) }
        try restored.advance(by: .milliseconds(19))
        #expect(restored.elements.isEmpty)
        try restored.advance(by: .milliseconds(1))
        #expect(restored.elements.map(\.value) == [[0]])
        #expect(restored.elements.map(\.window) == [TimeWindow(start: 0, end: after)])
        #expect(try entries(restored) == 0)
    }

    @Test func anEarlyTimerMayBeTheEndTimerOfTheSizeBefore() throws {
        let trigger = WindowTrigger.atEnd.early(every: .milliseconds(10))
        let harness = try OperatorHarness { (events: Events) in clocked(events, 10, trigger) }
        try harness.push(Event(1, id: 0))
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in clocked(events, 20, trigger) }
        try restored.advance(by: .milliseconds(20))
        #expect(restored.elements.map(\.pane.timing) == [.early, .onTime])
        #expect(restored.elements.map(\.value) == [[0], [0]])
        #expect(try entries(restored) == 0)
    }

    private func counted(_ events: Events, _ assigner: WindowAssigner) -> Stream<some Chain<WindowResult<Int64, [Int64]>>> {
        events.keyed(by: \.key).window(assigner).aggregate(ids()).id("w")
    }

    @Test func aCountThatIsMadeSmallerGoesOn() throws {
        let harness = try OperatorHarness { (events: Events) in counted(events, .count(10)) }
        for id in Int64(0)..<6 { try harness.push(Event(1, id: id)) }
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in counted(events, .count(3)) }
        for id in Int64(6)..<13 { try restored.push(Event(1, id: id)) }
        #expect(restored.elements.map(\.value) == [Array(0...6), [7, 8, 9], [10, 11, 12]])
    }

    @Test func overlappingCountsThatAreMadeSmallerForgetWhatIsTooOld() throws {
        let harness = try OperatorHarness { (events: Events) in counted(events, .count(10, every: 1)) }
        for id in Int64(0)..<10 { try harness.push(Event(1, id: id)) }
        let restored = try OperatorHarness(restoring: harness.snapshot()) { (events: Events) in
            counted(events, .count(3, every: 1))
        }
        for id in Int64(10)..<12 { try restored.push(Event(1, id: id)) }
        #expect(restored.elements.map(\.value) == [[8, 9, 10], [9, 10, 11]])
    }
}
