import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Snapshots of a harness move between backends and parallelisms.
@Suite struct HarnessOnRocksDBTests {
    private func counts(
        _ parallelism: Int, _ backend: any StateBackend, restoring snapshot: HarnessSnapshot? = nil
    ) throws -> OperatorHarness<Int64, Int> {
        try OperatorHarness(parallelism: parallelism, backend: backend, restoring: snapshot) {
            (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 }).fold(0) { count, _ in count += 1 }.map { $0.value }
        }
    }

    @Test func stateMovesBetweenBackends() throws {
        let steps: [(Int, any StateBackend)] = [
            (2, RocksDBBackend()), (3, RocksDBBackend()), (1, HeapBackend()), (2, RocksDBBackend()),
        ]
        var snapshot: HarnessSnapshot?
        for (round, (parallelism, backend)) in steps.enumerated() {
            let harness = try counts(parallelism, backend, restoring: snapshot)
            for key in Int64(0)..<40 { try harness.push(key) }
            #expect(harness.takeElements() == Array(repeating: round + 1, count: 40))
            snapshot = try harness.snapshot()
        }
    }
}
