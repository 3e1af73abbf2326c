import Foundation
import StateRocksDB
import StreamRuntime
import TestKit
import Testing

/// State with a time to live, by a clock that the test sets.
@Suite struct TTLTests {
    static let lifetimeMillis: Int64 = 1000

    /// Every kind of state with a TTL, for one subtask.
    private final class Subtask {
        let state: OperatorState
        let fault = StateFault()
        let time = CoarseTime()
        let values: ExpiringValueState<Int64, Int64>
        let read: ExpiringValueState<Int64, Int64>
        let counts: ExpiringDefaultedState<Int64, Int64>
        let lists: ExpiringListState<Int64, Int64>
        let maps: ExpiringMapState<Int64, String, Int64>
        let sums: ExpiringReducingState<Int64, Int64>
        let means: ExpiringAggregatingState<Int64, Average>

        init(_ context: StateStoreContext, _ backend: any StateBackend) throws {
            state = try OperatorState(context, backend: backend, fault: fault, time: time)
            let ttl = StateTTL(.milliseconds(TTLTests.lifetimeMillis))
            let keyed = state.keyed(by: Int64.self)
            values = try keyed.value("values", Int64.self, ttl: ttl)
            read = try keyed.value(
                "read", Int64.self, ttl: StateTTL(.milliseconds(TTLTests.lifetimeMillis), refresh: .onReadAndWrite))
            counts = try keyed.value("counts", default: 10, ttl: ttl)
            lists = try keyed.list("lists", Int64.self, ttl: ttl)
            maps = try keyed.map("maps", String.self, Int64.self, ttl: ttl)
            sums = try keyed.reducing("sums", Int64.self, ttl: ttl) { $0 &+ $1 }
            means = try keyed.aggregating("means", Average(), ttl: ttl)
            try state.seal()
        }
    }

    /// What a key holds in each state, and since when.
    private struct Model {
        struct Entry<Value> {
            var value: Value
            var since: Int64
        }
        var now: Int64
        var values: [Int64: Entry<Int64>] = [:]
        var read: [Int64: Entry<Int64>] = [:]
        var counts: [Int64: Entry<Int64>] = [:]
        var lists: [Int64: Entry<[Int64]>] = [:]
        var maps: [Int64: Entry<[String: Int64]>] = [:]
        var sums: [Int64: Entry<Int64>] = [:]
        var means: [Int64: Entry<[Double]>] = [:]

        func alive<Value>(_ entry: Entry<Value>?) -> Value? {
            guard let entry, now - entry.since < TTLTests.lifetimeMillis else { return nil }
            return entry.value
        }
    }

    @Test(arguments: BackendCase.allCases, [61, 62, 63] as [UInt64])
    func overValuesAreNeverSeen(_ backend: BackendCase, _ seed: UInt64) throws {
        let world = try StateWorld()
        var random = SeededGenerator(seed: seed)
        var parts: [StatePart] = []
        var model = Model(now: world.clock.millis)
        var epoch: UInt64 = 0
        for parallelism in [2, 2, 1, 3] {
            let subtasks = try (0..<parallelism).map {
                try Subtask(world.context(subtask: $0, parallelism: parallelism, restore: parts), backend.make())
            }
            defer { for subtask in subtasks { subtask.state.close() } }
            model.now = world.clock.millis
            func owner(_ key: Int64) -> Subtask {
                subtasks[world.keyGroups.subtask(of: world.keyGroups.group(ofHash: key.stableHash), parallelism: parallelism)]
            }
            for _ in 0..<4 {
                for _ in 0..<1500 {
                    if Int.random(in: 0..<40, using: &random) == 0 {
                        world.clock.advance(Int64.random(in: 1...200, using: &random))
                        model.now = world.clock.millis
                        for subtask in subtasks { subtask.time.refresh() }
                    }
                    let key = Int64.random(in: 0..<600, using: &random)
                    let difference = step(owner(key), key, &model, &random)
                    try #require(difference == nil, "seed \(seed): \(difference ?? "")")
                }
                for subtask in subtasks { try #require(subtask.fault.error == nil) }
                epoch += 1
                parts = try subtasks.map { try $0.state.snapshot(Epoch(epoch)).write(to: world.files) }
            }
        }
    }

    private func step(
        _ subtask: Subtask, _ key: Int64, _ model: inout Model, _ random: inout SeededGenerator
    ) -> String? {
        let number = Int64.random(in: 0..<100, using: &random)
        let now = model.now
        switch Int.random(in: 0..<16, using: &random) {
        case 0:
            subtask.values[key] = number
            model.values[key] = .init(value: number, since: now)
        case 1: return differs("value", subtask.values[key], model.alive(model.values[key]))
        case 2:
            subtask.values[key, default: 3] += number
            model.values[key] = .init(value: (model.alive(model.values[key]) ?? 3) + number, since: now)
        case 3: return differs("removed value", subtask.values.remove(key), model.alive(model.values.removeValue(forKey: key)))
        case 4:
            subtask.read[key] = number
            model.read[key] = .init(value: number, since: now)
        case 5, 6:
            let value = model.alive(model.read[key])
            if value != nil { model.read[key]?.since = now }
            return differs("renewed value", subtask.read[key], value)
        case 7:
            subtask.counts[key] += number
            model.counts[key] = .init(value: (model.alive(model.counts[key]) ?? 10) + number, since: now)
        case 8: return differs("count", subtask.counts[key], model.alive(model.counts[key]) ?? 10)
        case 9:
            subtask.lists.append(number, for: key)
            model.lists[key] = .init(value: (model.alive(model.lists[key]) ?? []) + [number], since: now)
        case 10: return differs("list", subtask.lists[key], model.alive(model.lists[key]) ?? [])
        case 11:
            subtask.maps[key, "k\(number % 3)"] = number
            var map = model.alive(model.maps[key]) ?? [:]
            map["k\(number % 3)"] = number
            model.maps[key] = .init(value: map, since: now)
        case 12: return differs("map", subtask.maps[key], model.alive(model.maps[key]) ?? [:])
        case 13:
            let sum = (model.alive(model.sums[key]) ?? 0) + number
            model.sums[key] = .init(value: sum, since: now)
            return differs("sum", subtask.sums.add(number, for: key), sum)
        case 14:
            subtask.means.add(Double(number), for: key)
            model.means[key] = .init(value: (model.alive(model.means[key]) ?? []) + [Double(number)], since: now)
        default:
            let numbers = model.alive(model.means[key])
            return differs("mean", subtask.means[key] ?? nil, numbers.map { $0.reduce(0, +) / Double($0.count) })
        }
        return nil
    }

    private func differs<T: Equatable>(_ what: String, _ actual: T, _ expected: T) -> String? {
        actual == expected ? nil : "\(what) is \(actual), should be \(expected)"
    }

    @Test func aLifetimeOfNothingIsRefusedNamingTheState() throws {
        let world = try StateWorld()
        let state = try OperatorState(world.context(), backend: HeapBackend(), fault: StateFault())
        defer { state.close() }
        let error = #expect(throws: GraphError.self) {
            _ = try state.keyed(by: Int64.self).value("seen", Int64.self, ttl: StateTTL(.zero))
        }
        #expect(error?.description.contains("state 'seen'") == true)
    }

    // MARK: Cleaning up

    private func numbers(
        _ world: StateWorld, _ backend: any StateBackend, restore: [StatePart] = [], time: CoarseTime = CoarseTime()
    ) throws -> (OperatorState, ExpiringValueState<Int64, Int64>) {
        let state = try OperatorState(world.context(restore: restore), backend: backend, fault: StateFault(), time: time)
        let values = try state.keyed(by: Int64.self).value("n", Int64.self, ttl: StateTTL(.seconds(1)))
        try state.seal()
        return (state, values)
    }

    private func stored(_ part: StatePart, _ world: StateWorld, _ backend: any StateBackend) throws -> Int {
        var count = 0
        try backend.forEachEntry(of: part, in: world.files, keyGroups: 0..<24) { _, _ in count += 1 }
        return count
    }

    /// Nobody asks for the old keys again; work on other keys is enough. With RocksDB, as much of it as makes a
    /// compaction of everything worth while.
    @Test(arguments: BackendCase.allCases) func workOnOtherKeysCleansUp(_ backendCase: BackendCase) throws {
        let world = try StateWorld()
        let backend = backendCase.make()
        let time = CoarseTime()
        let (state, values) = try numbers(world, backend, time: time)
        defer { state.close() }
        for key in 0..<Int64(20_000) { values[key] = key }
        func oldEntries(_ epoch: UInt64) throws -> Int {
            let part = try state.snapshot(Epoch(epoch)).write(to: world.files)
            let view = StateView(parts: [part], files: world.files, backends: [backend])
            return try view.entries(of: "n", Int64.self, Int64.self).keys.count { $0 < 20_000 }
        }
        #expect(try oldEntries(1) == 20_000)
        var left = 20_000
        var epoch: UInt64 = 1
        while left > 2000, epoch < 100 {
            for step in 0..<Int64(10) {
                world.clock.advance(20)
                time.refresh()
                for key in 0..<Int64(500) { values[100_000 + step * 500 + key] = step }
            }
            epoch += 1
            left = try oldEntries(epoch)
        }
        #expect(left <= 2000, "\(left) entries are left after \(epoch) epochs")
        for key in 0..<Int64(20_000) { #expect(values[key] == nil) }
        #expect(values[100_000] != nil)
    }

    @Test(arguments: BackendCase.allCases) func aRestoreBringsBackOnlyWhatLives(_ backendCase: BackendCase) throws {
        let world = try StateWorld()
        let backend = backendCase.make()
        let (state, values) = try numbers(world, backend)
        for key in 0..<Int64(1000) { values[key] = key }
        world.clock.advance(500)
        let time = CoarseTime()
        let first = try state.snapshot(Epoch(1)).write(to: world.files)
        state.close()

        let (again, restored) = try numbers(world, backend, restore: [first], time: time)
        for key in 0..<Int64(500) { #expect(restored[key] == key) }
        restored[7] = 8
        let second = try again.snapshot(Epoch(2)).write(to: world.files)
        again.close()
        world.clock.advance(500)

        let (last, left) = try numbers(world, backend, restore: [second])
        defer { last.close() }
        for key in 0..<Int64(1000) { #expect(left[key] == (key == 7 ? 8 : nil)) }
        let third = try last.snapshot(Epoch(3)).write(to: world.files)
        #expect(try stored(third, world, backend) == 1, "what was seen to be over is removed from the checkpoint")
    }

    @Test(arguments: BackendCase.allCases, [true, false])
    func aTTLIsPartOfTheSchema(_ backend: BackendCase, _ storedWithTTL: Bool) throws {
        let world = try StateWorld()
        func open(_ withTTL: Bool, _ restore: [StatePart]) throws -> StatePart {
            let state = try OperatorState(world.context(restore: restore), backend: backend.make(), fault: StateFault())
            defer { state.close() }
            let keyed = state.keyed(by: Int64.self)
            if withTTL {
                let values = try keyed.value("n", Int64.self, ttl: StateTTL(.hours(1)))
                try state.seal()
                values[1] = 2
            } else {
                let values = try keyed.value("n", Int64.self)
                try state.seal()
                values[1] = 2
            }
            return try state.snapshot(Epoch(1)).write(to: world.files)
        }
        let part = try open(storedWithTTL, [])
        let error = #expect(throws: RecoveryRefusal.self) { _ = try open(!storedWithTTL, [part]) }
        #expect(error.map { "\($0)" }?.contains("ttl(i64)") == true)
    }

    // MARK: In a job

    struct SinceLast: KeyedProcessFunction {
        typealias Output = String
        let last: ExpiringValueState<Int64, Int64>

        init(_ state: KeyedStateContext<Int64>, ttl: StateTTL) throws { last = try state.value("last", Int64.self, ttl: ttl) }

        mutating func process<Out: Collector>(
            _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            try out.collect(last[key].map(String.init) ?? "none")
            last[key] = input
        }
    }

    struct SinceLastJob: StreamJob {
        static let name = "since-last"
        let sink: CollectSink<String>
        let ttl: StateTTL

        func build(_ flow: Flow) {
            let ttl = ttl
            flow.source(GeneratorSource(count: 3, splits: 1, ratePerSecond: 5) { $0 })
                .keyed(by: { _ in 7 as Int64 })
                .process { try SinceLast($0, ttl: ttl) }
                .sink(sink)
        }
    }

    @Test(arguments: [(20, ["none", "none", "none"]), (60_000, ["none", "0", "1"])])
    func aTaskReadsTheClockEveryStep(_ lifetimeMillis: Int, _ expected: [String]) throws {
        let folder = TemporaryFolder(inMemory: true)
        let sink = CollectSink<String>()
        var options = JobOptions()
        options.parallelism = 1
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        try JobRunner(
            SinceLastJob(sink: sink, ttl: StateTTL(.milliseconds(lifetimeMillis))), options: options,
            environment: JobEnvironment(backend: HeapBackend())
        ).run()
        #expect(sink.elements == expected)
    }
}
