import StreamRuntime
import StreamRuntimeTesting
import Testing

/// A record of a partition.
private struct Line: StateCodable, Sendable, Equatable {
    static var stateSchema: String { "line" }
    var partition: Int32
    var offset: Int64

    init(_ partition: Int32, _ offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
    func encode(into writer: inout ByteWriter) {
        writer.integer(partition)
        writer.integer(offset)
    }
    init(from reader: inout ByteReader) throws {
        partition = try reader.integer()
        offset = try reader.integer()
    }
}

/// A cut as `partition:first-last` with its count.
private func name(_ cut: Cut<Int32, Line>) -> String {
    "\(cut.partition):\(cut.firstOffset)-\(cut.lastOffset)#\(cut.elements.count)"
}

@Suite struct CutTests {
    private typealias Lines = OperatorHarness<Line, Cut<Int32, Line>>

    private func harness(count: Int = 3, restoring snapshot: HarnessSnapshot? = nil) throws -> Lines {
        try Lines(restoring: snapshot) {
            $0.cuts(BatchLimits(countMax: count, bytesMax: 1000, ageMax: .seconds(1))) { ($0.partition, $0.offset) }.id("cuts")
        }
    }

    @Test func aFullCutLeavesAtOnceWithItsRange() throws {
        let harness = try harness()
        for offset in [4, 5, 9] as [Int64] { try harness.push(Line(0, offset)) }
        #expect(harness.takeElements().map(name) == ["0:4-9#3"])
    }

    @Test func partitionsAreCutApart() throws {
        let harness = try harness(count: 2)
        for offset in Int64(0)..<2 { for partition in Int32(0)..<3 { try harness.push(Line(partition, offset)) } }
        #expect(Set(harness.takeElements().map(name)) == ["0:0-1#2", "1:0-1#2", "2:0-1#2"])
    }

    /// K3: recorded before it is sent.
    @Test func anOldCutEndsAtABarrierAndLeavesWhenThatIsDecided() throws {
        let harness = try harness()
        try harness.push(Line(0, 0))
        _ = try harness.snapshot()
        #expect(harness.takeElements().isEmpty, "too young")
        try harness.advance(by: .seconds(2))
        #expect(harness.takeElements().isEmpty, "age alone sends nothing")
        _ = try harness.snapshot()
        #expect(harness.takeElements().map(name) == ["0:0-0#1"])
    }

    /// The same snapshot always gives the same cuts, whatever happens to come after it.
    @Test func aReplayMakesTheSameCuts() throws {
        let first = try harness()
        for offset in Int64(0)..<4 { try first.push(Line(0, offset)) }
        try first.push(Line(1, 0))
        try first.advance(by: .seconds(2))
        let snapshot = try first.snapshot()
        for offset in Int64(4)..<9 { try first.push(Line(0, offset)) }
        let made = first.takeElements().map(name)
        let again = try harness(restoring: snapshot)
        try again.advance(by: .milliseconds(1))
        for offset in Int64(4)..<9 { try again.push(Line(0, offset)) }
        #expect(made == ["0:0-2#3", "0:3-3#1", "1:0-0#1", "0:4-6#3"] || made == ["0:0-2#3", "1:0-0#1", "0:3-3#1", "0:4-6#3"])
        #expect(Set(again.takeElements().map(name)) == Set(made.dropFirst()))
    }

    /// K4. Had it left, a replay from before the barrier, which cuts elsewhere, would have sent its records in another cut.
    @Test func aFullCutBehindOneThatWaitsWaitsToo() {
        var table = CutTable<Int32, Line>(BatchLimits(countMax: 2, bytesMax: 1000, ageMax: .seconds(1)))
        func add(_ partition: Int32, _ offset: Int64) -> String? {
            table.add(Line(partition, offset), of: partition, offset: offset, weight: 1, nowNanos: { 0 }).map(name)
        }
        #expect(add(0, 0) == nil)
        table.barrier(Epoch(1), nowNanos: 2_000_000_000)
        #expect(add(0, 1) == nil && !table.isHolding)
        #expect(add(0, 2) == nil && table.isHolding, "full, but behind the other")
        #expect(add(1, 0) == nil && add(1, 1) == "1:0-1#2", "another partition's leaves at once")
        #expect(table.decided(Epoch(1)).map(name) == ["0:0-0#1", "0:1-2#2"])
        #expect(!table.isHolding && table.isEmpty)
        #expect(add(0, 3) == nil && add(0, 4) == "0:3-4#2")
    }

    /// K1, of a job that goes on with lower limits: no cut takes another's place.
    @Test func aCutThatIsFullByLoweredLimitsHasEnded() {
        var table = CutTable<Int32, Line>(BatchLimits(countMax: 1, bytesMax: 3, ageMax: .seconds(1)))
        table.restore(
            Cut(partition: 0, firstOffset: 0, lastOffset: 1, elements: [Line(0, 0), Line(0, 1)]), hasEnded: false,
            weight: { _ in 2 }, nowNanos: { 0 })
        let made = table.add(Line(0, 2), of: 0, offset: 2, weight: 2, nowNanos: { 0 })
        #expect(made == nil, "it waits behind the other")
        #expect(table.decided(.genesis).map(name) == ["0:0-1#2", "0:2-2#1"])
    }

    @Test func aCutThatGrowsGoesOnFromTheSnapshot() throws {
        let first = try harness()
        try first.push(Line(0, 7))
        let again = try harness(restoring: try first.snapshot())
        for offset in [8, 9] as [Int64] { try again.push(Line(0, offset)) }
        #expect(again.takeElements().map(name) == ["0:7-9#3"])
    }

    /// Random pushes, checkpoints, crashes: every record in exactly one cut, cuts of a partition side by side.
    @Test(arguments: UInt64(1)...20) func everyRecordIsInOneCut(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let source = TestSource<Line>()
        let cuts = CollectSink<Cut<Int32, Line>>()
        var setup = TestSetup(parallelism: 2, seed: seed)
        setup.checkpointEvery = .seconds(1)
        let test = try JobTest(setup) { flow in
            flow.source(source)
                .cuts(BatchLimits(countMax: 4, bytesMax: 1000, ageMax: .seconds(1))) { ($0.partition, $0.offset) }
                .sink(cuts)
        }
        var next: [Int32: Int64] = [0: 0, 1: 0]
        for _ in 0..<60 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: try test.advance(by: .milliseconds(.random(in: 100...1500, using: &random)))
            case 1: try test.checkpoint()
            case 2: try test.crashAndRestore(parallelism: .random(in: 1...3, using: &random))
            default:
                let partition = Int32.random(in: 0...1, using: &random)
                source.push(Line(partition, next[partition]!))
                next[partition]! += 1
                try test.run()
            }
        }
        try test.finish()
        for partition in Int32(0)...1 {
            let offsets = cuts.elements.filter { $0.partition == partition }.flatMap { $0.elements.map(\.offset) }
            #expect(offsets.sorted() == Array(0..<next[partition]!), "partition \(partition)")
        }
        for cut in cuts.elements {
            #expect(cut.firstOffset == cut.elements.first?.offset && cut.lastOffset == cut.elements.last?.offset)
        }
    }
}
