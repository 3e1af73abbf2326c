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
