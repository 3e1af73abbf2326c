import Foundation
import StateRocksDB
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// What the suite runs against.
enum BackendCase: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case heap, rocksdb
    /// So little memory that tables of a few thousand keys evict all the time.
    case rocksdbEvicting

    var testDescription: String { rawValue }

    func make() -> any StateBackend {
        switch self {
        case .heap: HeapBackend()
        case .rocksdb: RocksDBBackend(memoryBytes: 64 << 20)
        case .rocksdbEvicting: RocksDBBackend(memoryBytes: 1 << 20)
        }
    }
}

/// Stands for one job: its checkpoint files and the backends it can read.
final class StateWorld {
    let folder: TemporaryFolder
    let files: FileCheckpointStore
    let metrics = MetricRegistry()
    let keyGroups = KeyGroups(count: 24)
    let clock = ManualClock()
    private var contexts = 0
    private let readers: [any StateBackend] = [HeapBackend(), RocksDBBackend(memoryBytes: 8 << 20)]

    init() throws {
        folder = TemporaryFolder(inMemory: true)
        files = try FileCheckpointStore(folder: folder.path + "/checkpoints")
    }

    func context(
        subtask: Int = 0, parallelism: Int = 1, restore: [StatePart] = [], attempt: AttemptID = .random()
    ) -> StateStoreContext {
        contexts += 1
        let owned = keyGroups.range(of: subtask, parallelism: parallelism)
        let readers = readers
        return StateStoreContext(
            operatorID: "op", subtask: subtask, parallelism: parallelism, keyGroups: keyGroups, owned: owned,
            attempt: attempt, restore: restore.filter { $0.keyGroups.overlaps(owned) }, files: files,
            reader: { name in
                guard let backend = readers.first(where: { $0.name == name }) else {
                    throw GraphError("no backend '\(name)'")
                }
                return backend
            },
            workFolder: "\(folder.path)/work/\(contexts)/op-\(subtask)", metrics: metrics, clock: clock)
    }

    /// Where a checkpoint file lies.
    func path(_ file: CheckpointFile) -> String { "\(files.folder)/\(file.path)" }
}

/// Stands still until it is set.
final class ManualClock: RuntimeClock {
    private let now = Atomic<Int64>(1_700_000_000_000)
    var millis: Int64 { now.load(ordering: .relaxed) }
    func advance(_ millis: Int64) { now.add(millis, ordering: .relaxed) }
    func monotonicNanos() -> Int64 { millis * 1_000_000 }
    func wallMillis() -> Int64 { millis }
}

/// One operator state with a single table of numbers.
final class NumberState {
    let state: OperatorState
    let fault = StateFault()
    let values: ValueState<Int64, Int64>
    private var epoch: UInt64 = 0

    init(_ context: StateStoreContext, _ backend: any StateBackend, name: String = "number") throws {
        state = try OperatorState(context, backend: backend, fault: fault)
        values = try state.keyed(by: Int64.self).value(name, Int64.self)
        try state.seal()
    }

    func snapshot() throws -> any PendingSnapshot {
        epoch += 1
        return try state.snapshot(Epoch(epoch))
    }

    func checkpoint(_ world: StateWorld) throws -> StatePart { try snapshot().write(to: world.files) }

    func check() throws { if let error = fault.error { throw error } }
}
