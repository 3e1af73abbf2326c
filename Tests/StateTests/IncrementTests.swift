import Foundation
import StateRocksDB
import StreamRuntime
import Testing

/// The cost of a checkpoint follows what changed, not what exists. In bytes, which do not depend on the machine.
@Suite struct IncrementTests {
    private let keyCount: Int64 = 100_000

    /// The bytes of files that a part has and no part before it had.
    private struct Ledger {
        var known: Set<String> = []
        mutating func added(_ part: StatePart) -> Int {
            part.files.reduce(0) { $0 + (known.insert($1.path).inserted ? $1.bytes : 0) }
        }
    }

    @Test(arguments: BackendCase.allCases)
    func oneChangedKeyAmongManyWritesFewBytes(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        defer { numbers.state.close() }
        for key in 0..<keyCount { numbers.values[key] = key }
        var ledger = Ledger()
        let full = ledger.added(try numbers.checkpoint(world))
        #expect(full > 1_000_000)
        var increments: [Int] = []
        for round in 0..<Int64(40) {
            numbers.values[round &* 7919 % keyCount] = -round
            increments.append(ledger.added(try numbers.checkpoint(world)))
        }
        try numbers.check()
        // Small files are merged with small files now and then; the large one stays out of it.
        #expect(increments.sorted()[20] < 64 << 10, "bytes added: \(increments)")
        // (What was spilled before the first checkpoint, in pieces, is merged once after it.)
        #expect(increments.reduce(0, +) < 2 * full, "bytes added: \(increments)")
    }

    @Test(arguments: BackendCase.allCases)
    func nothingChangedWritesNothing(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        for key in 0..<Int64(1000) { numbers.values[key] = key }
        var ledger = Ledger()
        let part = try numbers.checkpoint(world)
        _ = ledger.added(part)
        #expect(ledger.added(try numbers.checkpoint(world)) == 0)
        numbers.state.close()

        let again = try NumberState(world.context(restore: [part]), backend.make())
        defer { again.state.close() }
        #expect(ledger.added(try again.checkpoint(world)) == 0)
        again.values[3] = 4
        let next = try again.checkpoint(world)
        #expect(ledger.added(next) < 64 << 10, "a restored store goes on from the files it was given")
    }

    /// A line in it after one that found no room on the disk ends the process, where RocksDB is built with assertions.
    @Test func rocksDBsOwnLogStaysEmpty() throws {
        let world = try StateWorld()
        let context = world.context()
        let numbers = try NumberState(context, BackendCase.rocksdbEvicting.make())
        defer { numbers.state.close() }
        for key in 0..<keyCount { numbers.values[key] = key }
        _ = try numbers.checkpoint(world)
        try numbers.check()
        #expect(try Data(contentsOf: URL(fileURLWithPath: context.workFolder + "/db/LOG")).isEmpty)
    }

    /// As windows and their timers do, many times in each epoch.
    @Test(arguments: BackendCase.allCases)
    func whatComesAndGoesBetweenTwoBarriersIsNotWritten(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        defer { numbers.state.close() }
        for key in 0..<Int64(1000) { numbers.values[key] = key }
        var ledger = Ledger()
        _ = ledger.added(try numbers.checkpoint(world))
        for key in Int64(1000)..<21_000 {
            numbers.values[key, default: 0] += key  // reads: an assignment would not know that the store has none
            numbers.values[key] = nil
            if key % 2 == 0 { numbers.values[key, default: 0] -= key }  // a slot of one that is gone is used again
            if key % 2 == 0 { numbers.values[key] = nil }
        }
        // At most the thousand, anew.
        #expect(ledger.added(try numbers.checkpoint(world)) < 64 << 10)
        // Now known to a checkpoint, and gone with the next.
        numbers.values[5000] = 1
        _ = ledger.added(try numbers.checkpoint(world))
        numbers.values[5000] = nil
        #expect(ledger.added(try numbers.checkpoint(world)) > 0)
        try numbers.check()
    }

    @Test func aRestoredStateOfLargeValuesIsNotWrittenAnew() throws {
        let world = try StateWorld()
        func open(_ parts: [StatePart]) throws -> (state: OperatorState, values: ValueState<Int64, String>) {
            let state = try OperatorState(world.context(restore: parts), backend: HeapBackend(), fault: StateFault())
            let values = try state.keyed(by: Int64.self).value("text", String.self)
            try state.seal()
            return (state, values)
        }
        var ledger = Ledger()
        let first = try open([])
        for key in 0..<Int64(20_000) { first.values[key] = String(repeating: "x", count: 400) }
        let part = try first.state.snapshot(Epoch(1)).write(to: world.files)
        #expect(ledger.added(part) > 8_000_000)
        first.state.close()

        let again = try open([part])
        defer { again.state.close() }
        again.values[3] = "y"
        let next = try again.state.snapshot(Epoch(2)).write(to: world.files)
        #expect(ledger.added(next) < 1000, "\(next.files)")
        #expect(next.files.count == 2 && next.files.first == part.files.first)
    }

    @Test func whatRestoredFilesHoldTwiceCountsForTheNextMerge() throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), HeapBackend())
        for key in 0..<keyCount { numbers.values[key] = key }
        _ = try numbers.checkpoint(world)
        for key in 0..<Int64(40_000) { numbers.values[key] = -1 }
        _ = try numbers.checkpoint(world)
        for key in 0..<Int64(40_000) { numbers.values[key] = -2 }
        let part = try numbers.checkpoint(world)
        numbers.state.close()
        #expect(part.files.count == 3)

        let again = try NumberState(world.context(restore: [part]), HeapBackend())
        defer { again.state.close() }
        again.values[0] = -3
        #expect(try again.checkpoint(world).files.count == 4, "180 001 entries are less than twice the live ones")
        for key in 0..<Int64(40_000) { again.values[key] = -4 }
        let merged = try again.checkpoint(world)
        #expect(merged.files.count == 1, "\(merged.files)")

        let last = try NumberState(world.context(restore: [merged]), HeapBackend())
        defer { last.state.close() }
        #expect(last.values[39_999] == -4 && last.values[40_000] == 40_000)
    }

    @Test func overlappingFilesStayBounded() throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), BackendCase.rocksdb.make())
        defer { numbers.state.close() }
        var files = 0
        for round in 0..<Int64(60) {
            for key in 0..<Int64(300) { numbers.values[key &* 31] = round }
            files = max(files, try numbers.checkpoint(world).files.count)
        }
        #expect(files <= 20, "\(files) files at most")
        let labels: MetricRegistry.Labels = ["operator": "op", "subtask": "0"]
        #expect((world.metrics.value("weir_rocksdb_files", labels: labels) ?? 0) > 0)
        #expect((world.metrics.value("weir_rocksdb_bytes", labels: labels) ?? 0) > 0)
    }
}
