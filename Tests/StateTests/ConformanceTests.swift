import Foundation
import StateRocksDB
import StreamRuntime
import Synchronization
import Testing

/// Random operations against the model, with checkpoints, crashes and restores: every backend must behave
/// like dictionaries that remember their last checkpoint.
@Suite struct ConformanceTests {
    /// One life of the job on the way through parallelisms and backends.
    struct Leg: Sendable {
        let backend: BackendCase
        let parallelism: Int
    }

    @Test(arguments: BackendCase.allCases, [11, 12, 13] as [UInt64])
    func sameParallelismSurvivesCrashes(_ backend: BackendCase, _ seed: UInt64) throws {
        try live(Array(repeating: Leg(backend: backend, parallelism: 2), count: 4), seed: seed)
    }

    @Test(arguments: BackendCase.allCases, [21, 22] as [UInt64])
    func rescalingKeepsEverything(_ backend: BackendCase, _ seed: UInt64) throws {
        try live([1, 2, 3, 1].map { Leg(backend: backend, parallelism: $0) }, seed: seed)
    }

    @Test(arguments: [31, 32] as [UInt64])
    func backendsReadEachOthersCheckpoints(_ seed: UInt64) throws {
        try live(
            [
                Leg(backend: .heap, parallelism: 2), Leg(backend: .rocksdb, parallelism: 2),
                Leg(backend: .heap, parallelism: 2), Leg(backend: .rocksdbEvicting, parallelism: 3),
                Leg(backend: .heap, parallelism: 1),
            ], seed: seed)
    }

    @Test func aFreshSeedEveryRun() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("conformance seed \(seed)")
        try live(
            [
                Leg(backend: .rocksdbEvicting, parallelism: 1), Leg(backend: .rocksdbEvicting, parallelism: 3),
                Leg(backend: .rocksdb, parallelism: 3), Leg(backend: .rocksdbEvicting, parallelism: 3),
            ], seed: seed)
    }

    // MARK: A life

    private struct Checkpoint {
        var parts: [StatePart] = []
        var model = StateModel()
    }

    private func live(_ legs: [Leg], seed: UInt64) throws {
        let world = try StateWorld()
        var random = SeededGenerator(seed: seed)
        var last = Checkpoint()
        var epoch: UInt64 = 0
        for (index, leg) in legs.enumerated() {
            let cluster = try StateCluster(
                world, leg.backend.make(), parallelism: leg.parallelism, restore: last.parts, model: last.model)
            defer { cluster.close() }
            let restored = cluster.differences()
            try #require(restored.isEmpty, "seed \(seed), leg \(index): \(restored.prefix(3))")
            try cluster.checkFaults()
            for _ in 0..<Int.random(in: 3...7, using: &random) {
                epoch += 1
                last = try epochOf(cluster, Epoch(epoch), seed: seed, &random)
            }
            try run(cluster, 500, seed: seed, &random)  // lost in the crash
        }
        let survivor = try StateCluster(
            world, legs[0].backend.make(), parallelism: legs[0].parallelism, restore: last.parts, model: last.model)
        defer { survivor.close() }
        let restored = survivor.differences()
        #expect(restored.isEmpty, "seed \(seed), at the end: \(restored.prefix(3))")
        let timers = survivor.fireTimers(at: StateCluster.timerMillisMax)
        #expect(timers == nil, "seed \(seed), at the end: \(timers ?? "")")
    }

    private func run(_ cluster: StateCluster, _ steps: Int, seed: UInt64, _ random: inout SeededGenerator) throws {
        for _ in 0..<steps {
            if let difference = cluster.step(&random) { Issue.record("seed \(seed): \(difference)") }
        }
        try cluster.checkFaults()
    }

    /// Some operations, a barrier, and the writing: at once, after more operations, or beside them.
    private func epochOf(
        _ cluster: StateCluster, _ epoch: Epoch, seed: UInt64, _ random: inout SeededGenerator
    ) throws -> Checkpoint {
        try run(cluster, Int.random(in: 0...4000, using: &random), seed: seed, &random)
        let timers = cluster.fireTimers(at: Int64.random(in: 0..<StateCluster.timerMillisMax / 4, using: &random))
        #expect(timers == nil, "seed \(seed): \(timers ?? "")")
        let pending = try cluster.subtasks.map { try $0.state.snapshot(epoch) }
        let atBarrier = cluster.model
        let steps = Int.random(in: 0...3000, using: &random)
        let files = cluster.world.files
        var parts: [StatePart]
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            parts = try pending.map { try $0.write(to: files) }
        case 1:
            try run(cluster, steps, seed: seed, &random)
            parts = try pending.map { try $0.write(to: files) }
        default:
            let writing = Beside { try pending.map { try $0.write(to: files) } }
            try run(cluster, steps, seed: seed, &random)
            parts = try writing.wait()
        }
        // As in a manifest: through JSON.
        parts = try JSONDecoder().decode([StatePart].self, from: JSONEncoder().encode(parts))
        return Checkpoint(parts: parts, model: atBarrier)
    }
}

/// Something that runs on a thread of its own.
final class Beside<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () throws -> Value) {
        Thread { [self] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
            done.signal()
        }.start()
    }

    /// Once.
    func wait() throws -> Value {
        done.wait()
        return try result.withLock { $0 }!.get()  // set before the signal
    }
}
