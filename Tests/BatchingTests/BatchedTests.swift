import StreamRuntime
import StreamRuntimeTesting
import Testing

@Suite struct BatchedTests {
    private typealias Numbers = OperatorHarness<Int64, [Int64]>

    private func harness(restoring snapshot: HarnessSnapshot? = nil) throws -> Numbers {
        try Numbers(restoring: snapshot) {
            $0.batched(BatchLimits(countMax: 3, bytesMax: 10, ageMax: .milliseconds(200)), weight: { Int($0) }).id("batched")
        }
    }

    @Test func batchesEndByCountAndByWeight() throws {
        let harness = try harness()
        for number in [1, 1, 1, 6, 6, 40, 1] as [Int64] { try harness.push(number) }
        #expect(harness.takeElements() == [[1, 1, 1], [6], [6], [40]])
    }

    @Test func theOldestWaitsNoLongerThanItsAge() throws {
        let harness = try harness()
        try harness.push(1)
        try harness.advance(by: .milliseconds(150))
        try harness.push(2)
        #expect(harness.elements.isEmpty)
        try harness.advance(by: .milliseconds(60))
        #expect(harness.takeElements() == [[1, 2]])
        try harness.push(3)
        try harness.advance(by: .milliseconds(190))
        #expect(harness.elements.isEmpty, "the age is that of the batch in hand")
    }

    @Test func whatWaitsIsPartOfTheCheckpoint() throws {
        let first = try harness()
        for number in [1, 2] as [Int64] { try first.push(number) }
        let again = try harness(restoring: try first.snapshot())
        try again.push(3)
        #expect(again.takeElements() == [[1, 2, 3]])
    }

    @Test func aBatchHasTheEventTimeOfItsLastRecord() throws {
        let harness = try harness()
        try harness.push(1, at: 100)
        try harness.push(2, at: 90)
        try harness.advance(by: .milliseconds(300))
        #expect(harness.takeOutput() == [Emitted([1, 2], at: 90)])
        try harness.push(9, at: 100)
        try harness.push(8, at: 200)
        try harness.advance(by: .milliseconds(300))
        #expect(harness.takeOutput() == [Emitted([9], at: 100), Emitted([8], at: 200)])
    }

    /// One that nobody adds to after the restore.
    @Test func aRestoredBatchHasItToo() throws {
        let first = try harness()
        try first.push(1, at: 100)
        try first.push(2, at: 90)
        let again = try harness(restoring: try first.snapshot())
        try again.advance(by: .milliseconds(300))
        #expect(again.takeOutput() == [Emitted([1, 2], at: 90)])
    }

    @Test func theEndOfTheInputWaitsForWhatIsHeld() throws {
        let harness = try harness()
        try harness.push(1)
        try harness.finish()
        #expect(harness.takeElements() == [[1]])
    }
}
