import Foundation
import StateRocksDB
import StreamRuntime
import Testing

/// A snapshot is the state at its barrier, whenever it is written and whatever happens meanwhile
/// (invariants R1–R5 of `EpochIngestor`).
@Suite struct SnapshotIsolationTests {
    private let keys: Range<Int64> = 0..<20_000

    private func restored(_ world: StateWorld, _ backend: BackendCase, _ part: StatePart) throws -> NumberState {
        try NumberState(world.context(restore: [part]), backend.make())
    }

    private func expect(
        _ numbers: NumberState, _ keys: Range<Int64>, _ expected: (Int64) -> Int64?, _ what: Comment,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let wrong = keys.filter { numbers.values[$0] != expected($0) }
        try numbers.check()
        #expect(wrong.isEmpty, what, sourceLocation: location)
    }

    /// On one thread: were the task to wait for the snapshot thread here, this would never end (R4).
    @Test(arguments: BackendCase.allCases)
    func writtenAfterLaterEpochsChangedTheSameKeys(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        defer { numbers.state.close() }
        for key in keys { numbers.values[key] = 1 }
        let first = try numbers.snapshot()
        for key in keys { numbers.values[key] = 2 }
        for key in keys where key % 3 == 0 { numbers.values.remove(key) }
        let second = try numbers.snapshot()
        for key in keys { numbers.values[key] = 3 }
        let parts = [try first.write(to: world.files), try second.write(to: world.files)]
        try numbers.check()
        try expect(numbers, keys, { _ in 3 }, "the stream sees its own changes")

        let early = try restored(world, backend, parts[0])
        try expect(early, keys, { _ in 1 }, "the first epoch is as it was at its barrier")
        early.state.close()
        let late = try restored(world, backend, parts[1])
        try expect(late, keys, { $0 % 3 == 0 ? nil : 2 }, "so is the second")
        late.state.close()
    }

    @Test(arguments: BackendCase.allCases)
    func writtenBesideAStreamThatEvicts(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        defer { numbers.state.close() }
        var parts: [StatePart] = []
        for round in Int64(1)...4 {
            for key in keys { numbers.values[key] = round }
            let pending = try numbers.snapshot()
            let files = world.files
            let writing = Beside { try pending.write(to: files) }
            for key in keys where key % 2 == 0 { numbers.values[key] = -round }
            parts.append(try writing.wait())
            try numbers.check()
        }
        for (index, part) in parts.enumerated() {
            let again = try restored(world, backend, part)
            try expect(again, keys, { _ in Int64(index + 1) }, "epoch \(index + 1)")
            again.state.close()
        }
    }

    /// Regression: a table that grew dropped the slot of a removed key while the removal was still on its way
    /// to the store, whose older value came back.
    @Test(arguments: BackendCase.allCases)
    func aRemovedKeyStaysRemovedWhileItsSnapshotIsPending(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let before = try NumberState(world.context(), backend.make())
        for key in keys { before.values[key] = 1 }
        let part = try before.checkpoint(world)
        before.state.close()

        let numbers = try restored(world, backend, part)
        defer { numbers.state.close() }
        let removed: Range<Int64> = 0..<600
        for key in removed { numbers.values.remove(key) }
        let pending = try numbers.snapshot()
        for key in 100_000..<Int64(102_000) { numbers.values[key] = 5 }  // the table grows
        try expect(numbers, removed, { _ in nil }, "removed before the snapshot is written")
        let after = try pending.write(to: world.files)
        try expect(numbers, removed, { _ in nil }, "and after")
        let again = try restored(world, backend, after)
        try expect(again, 0..<1000, { removed.contains($0) ? nil : 1 }, "and after a restore")
        again.state.close()
    }

    @Test(arguments: BackendCase.allCases)
    func everythingRemovedIsAnEmptyState(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        for key in keys { numbers.values[key] = key }
        _ = try numbers.checkpoint(world)
        for key in keys { numbers.values.remove(key) }
        let part = try numbers.checkpoint(world)
        numbers.state.close()
        let again = try restored(world, backend, part)
        defer { again.state.close() }
        try expect(again, keys, { _ in nil }, "nothing is left")
    }

    @Test(arguments: BackendCase.allCases)
    func emptyStateIsACheckpointToo(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), backend.make())
        let parts = [try numbers.checkpoint(world), try numbers.checkpoint(world)]
        numbers.state.close()
        for part in parts {
            let again = try restored(world, backend, part)
            try expect(again, 0..<10, { _ in nil }, "nothing was there")
            again.values[1] = 1
            let next = try again.checkpoint(world)
            again.state.close()
            let last = try restored(world, backend, next)
            #expect(last.values[1] == 1)
            last.state.close()
        }
    }

    @Test(arguments: BackendCase.allCases)
    func hugeValues(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let fault = StateFault()
        let state = try OperatorState(world.context(), backend: backend.make(), fault: fault)
        let blobs = try state.keyed(by: Int64.self).value("blob", [UInt8].self)
        try state.seal()
        func blob(_ key: Int64) -> [UInt8] { (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* Int(key + 3)) } }
        for key in 0..<Int64(6) { blobs[key] = blob(key) }
        let part = try state.snapshot(Epoch(1)).write(to: world.files)
        state.close()

        let again = try OperatorState(world.context(restore: [part]), backend: backend.make(), fault: fault)
        defer { again.close() }
        let stored = try again.keyed(by: Int64.self).value("blob", [UInt8].self)
        try again.seal()
        for key in 0..<Int64(6) { #expect(stored[key] == blob(key)) }
        #expect(stored[6] == nil && fault.error == nil)
    }
}
