import Foundation
import StateRocksDB
import StreamRuntime
import Testing

@Suite struct TimerQueueTests {
    /// So little that the horizon is always near.
    static let tight = TimerLimits(cachedMax: 48, beyondMax: 120, perGroupMin: 1)

    @Test(arguments: BackendCase.allCases, [41, 42, 43] as [UInt64])
    func timersBehaveLikeASet(_ backend: BackendCase, _ seed: UInt64) throws {
        try live(Int64.self, Array(repeating: backend, count: 4), seed: seed, limits: Self.tight)
        try live(String.self, Array(repeating: backend, count: 4), seed: seed, limits: Self.tight)
    }

    @Test(arguments: [51, 52] as [UInt64])
    func timersMoveBetweenBackends(_ seed: UInt64) throws {
        try live(String.self, [.rocksdb, .heap, .rocksdbEvicting, .heap], seed: seed, limits: Self.tight)
    }

    @Test func aFreshSeedEveryRun() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("timer seed \(seed)")
        try live(Int64.self, [.rocksdb, .rocksdbEvicting, .heap, .rocksdb], seed: seed, limits: Self.tight)
        try live(String.self, [.rocksdb, .rocksdb], seed: seed, limits: TimerLimits())
    }

    private func live<Key: TestKey>(_: Key.Type, _ legs: [BackendCase], seed: UInt64, limits: TimerLimits) throws {
        let world = try StateWorld()
        var random = SeededGenerator(seed: seed)
        var parts: [StatePart] = []
        var model = TimerCluster<Key>.Model()
        var epoch: UInt64 = 0
        for (index, leg) in legs.enumerated() {
            let cluster = try TimerCluster<Key>(
                world, leg.make(), parallelism: [2, 2, 3, 1][index % 4], restore: parts, model: model, limits: limits)
            defer { cluster.close() }
            for _ in 0..<6 {
                try churn(cluster, seed, &random)
                epoch += 1
                let pending = try cluster.snapshot(Epoch(epoch))
                model = cluster.model
                if Bool.random(using: &random) { try churn(cluster, seed, &random) }
                parts = try pending.map { try $0.write(to: world.files) }
            }
            try churn(cluster, seed, &random)  // lost in the crash
        }
        let survivor = try TimerCluster<Key>(
            world, legs[0].make(), parallelism: 2, restore: parts, model: model, limits: limits)
        defer { survivor.close() }
        let fault = survivor.fire(upTo: .max, atMost: .max)
        #expect(fault == nil && survivor.model == .init(), "seed \(seed), at the end: \(fault ?? "timers are left")")
    }

    private func churn<Key: TestKey>(_ cluster: TimerCluster<Key>, _ seed: UInt64, _ random: inout SeededGenerator) throws {
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            for _ in 0..<Int.random(in: 0...150, using: &random) { cluster.step(&random) }
            let millis = [Int64.min, -100, 500, 1000, 1500, .max].randomElement(using: &random)!
            let count = [1, 7, 60, Int.max].randomElement(using: &random)!
            let fault = cluster.fire(upTo: millis, atMost: count)
            try #require(fault == nil, "seed \(seed): \(fault ?? "")")
        }
    }

    // MARK: Many timers

    /// In a process of its own, whose memory is only this test's.
    @Test(arguments: [2_000_000, 300_000] as [Int64]) func manyTimersTakeLittleMemory(_ count: Int64) async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) { [count] in
            // All at one instant, as when the windows of all keys end; or scattered.
            try Self.fireAll(count, count == 2_000_000 ? { _ in 5000 } : { $0 &* 7919 % 100_003 })
        }
        print(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self), terminator: "")
    }

    private static func fireAll(_ count: Int64, _ millis: (Int64) -> Int64) throws {
        let world = try StateWorld()
        let backend = RocksDBBackend(memoryBytes: 8 << 20)
        func open(_ restore: [StatePart]) throws -> (OperatorState, TimerService<Int64>) {
            let state = try OperatorState(world.context(restore: restore), backend: backend, fault: StateFault())
            let timers = try state.timerService(Int64.self)
            try state.seal()
            try timers.restore()
            return (state, timers)
        }
        let before = try residentBytes()
        var peak = before
        let began = SystemClock().monotonicNanos()
        var (state, timers) = try open([])
        for key in 0..<count {
            timers.registerEventTime(at: millis(key), for: key)
            if key % 50_000 == 0 { peak = max(peak, try residentBytes()) }
        }
        let part = try state.snapshot(Epoch(1)).write(to: world.files)
        let registered = SystemClock().monotonicNanos()
        state.close()
        (state, timers) = try open([part])
        var fired: Int64 = 0
        var last = Int64.min
        while let timer = timers.nextEventTime(upTo: .max) {
            precondition(timer.millis == millis(timer.key) && timer.millis >= last, "out of order")
            last = timer.millis
            fired += 1
            if fired % 50_000 == 0 { peak = max(peak, try residentBytes()) }
        }
        state.close()
        let ended = SystemClock().monotonicNanos()
        print(
            "\(count) timers: +\((peak - before) >> 20) MiB, registered in \((registered - began) / count) ns each,",
            "fired in \((ended - registered) / count) ns each")
        precondition(fired == count, "\(fired) fired")
        // In memory as a whole two million would take more than 100 MiB.
        precondition(peak - before < 64 << 20, "\((peak - before) >> 20) MiB more")
    }
}

/// Of this process.
func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
    return Int(pages)! * 4096
}
