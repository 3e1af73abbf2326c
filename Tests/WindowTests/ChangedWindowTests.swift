import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Jobs that go on from a checkpoint with other windows under the same id: what was counted is in a result, and leaves.
@Suite struct ChangedWindowTests {
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
