import Foundation
import StateRocksDB
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// State that belongs to an operator, not to a key; and looking at state from outside.
@Suite struct OperatorStateTests {
    /// What each subtask found in its lists when it was made.
    final class Findings: Sendable {
        struct Finding {
            var split: [Int64]
            var union: [Int64]
            var rules: [String: Int64]
        }
        let all = Mutex<[Finding]>([])
    }

    struct Remember: KeyedProcessFunction {
        typealias Output = Int64
        let split: OperatorListState<Int64>
        let union: OperatorListState<Int64>
        let rules: BroadcastState<String, Int64>
        let sums: AggregatingState<Int64, Sum<Int64>>
        let counts: DefaultedState<Int64, Int>

        init(_ state: KeyedStateContext<Int64>, _ findings: Findings) throws {
            let context = state.operatorContext
            split = try context.listState("split", Int64.self, redistribution: .split)
            union = try context.listState("union", Int64.self, redistribution: .union)
            rules = try context.broadcastState("rules", String.self, Int64.self)
            sums = try state.aggregating("sums", Sum<Int64>())
            counts = try state.value("counts", default: 0)
            let found = Findings.Finding(split: split.elements, union: union.elements, rules: rules.entries)
            findings.all.withLock { $0.append(found) }
            rules["limit"] = 100 + (rules["limit"] ?? 0)
            union.elements = union.elements.isEmpty ? [Int64(context.subtask)] : []
        }

        mutating func process<Out: Collector>(
            _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == Int64 {
            split.append(input)
            sums.add(input, for: key)
            counts[key] += 1
            try out.collect(input)
        }
    }

    struct RememberJob: StreamJob {
        static let name = "remember"
        let count: Int64
        let findings: Findings
        let sink: CollectSink<Int64>

        func build(_ flow: Flow) {
            let findings = findings
            flow.source(GeneratorSource(count: count, splits: 1) { $0 })
                .keyed(by: { $0 % 10 })
                .process { try Remember($0, findings) }
                .id("remember")
                .sink(sink)
        }
    }

    private func run(
        _ folder: TemporaryFolder, _ sink: CollectSink<Int64>, _ count: Int64, parallelism: Int,
        _ backend: any StateBackend = HeapBackend()
    ) throws -> [Findings.Finding] {
        let findings = Findings()
        var options = JobOptions()
        options.parallelism = parallelism
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        try JobRunner(
            RememberJob(count: count, findings: findings, sink: sink), options: options,
            environment: JobEnvironment(backend: backend)
        ).run()
        return findings.all.withLock { $0 }
    }

    @Test func listsAreDealtOutOnRestore() throws {
        let folder = TemporaryFolder(inMemory: true)
        let sink = CollectSink<Int64>()
        let first = try run(folder, sink, 1000, parallelism: 2)
        #expect(first.count == 2 && first.allSatisfy { $0.split.isEmpty && $0.union.isEmpty && $0.rules.isEmpty })
        let second = try run(folder, sink, 1300, parallelism: 3)
        #expect(second.count == 3)
        #expect(second.flatMap(\.split).sorted() == Array(0..<1000), "every item once")
        #expect(second.map(\.split.count).sorted() == [333, 333, 334], "evenly")
        #expect(second.allSatisfy { $0.union.sorted() == [0, 1] }, "all items everywhere")
        #expect(second.allSatisfy { $0.rules == ["limit": 100] }, "written once, read by all")
        let third = try run(folder, sink, 1300, parallelism: 1)
        #expect(third.map { $0.split.sorted() } == [Array(0..<1300)])
        #expect(third.map(\.union) == [[]] && third.map(\.rules) == [["limit": 200]])
    }

    @Test func atTheSameParallelismEachSubtaskHasItsListBack() throws {
        let folder = TemporaryFolder(inMemory: true)
        let sink = CollectSink<Int64>()
        _ = try run(folder, sink, 1000, parallelism: 2)
        let groups = JobOptions().keyGroups
        let second = try run(folder, sink, 1000, parallelism: 2)
        #expect(second.flatMap(\.split).sorted() == Array(0..<1000), "every item once")
        for subtask in 0..<2 {
            let mine = (0..<Int64(1000)).filter {
                groups.subtask(of: groups.group(ofHash: ($0 % 10).stableHash), parallelism: 2) == subtask
            }
            #expect(second.contains { $0.split.sorted() == mine })
        }
    }

    @Test(arguments: BackendCase.allCases) func aCheckpointCanBeLookedInto(_ backendCase: BackendCase) throws {
        let folder = TemporaryFolder(inMemory: true)
        let backend = backendCase.make()
        _ = try run(folder, CollectSink<Int64>(), 1000, parallelism: 2, backend)
        let job = JobID(namespace: "default", jobName: "remember")
        let store = try FileCheckpointStore(folder: folder.path + "/checkpoints/\(job)")
        let manifest = try store.manifest(named: try #require(try store.manifestNames().last)).manifest
        let view = try StateView(manifest, operator: "remember", files: store, backends: [backend])
        let counts = try view.entries(of: "counts", Int64.self, Int.self)
        #expect(counts == Dictionary(uniqueKeysWithValues: (0..<10).map { ($0, 100) }))
        let sums = try view.entries(of: "sums", Int64.self, Int64.self)
        #expect(sums[3] == 49_800)
        #expect(throws: StateViewError.self) { _ = try view.entries(of: "count", Int64.self, Int.self) }
        #expect(throws: StateViewError.self) { _ = try view.entries(of: "counts", Int64.self, String.self) }
    }

    @Test(arguments: BackendCase.allCases) func aLiveSubtaskCanBeLookedInto(_ backendCase: BackendCase) throws {
        let world = try StateWorld()
        let state = try OperatorState(world.context(), backend: backendCase.make(), fault: StateFault())
        defer { state.close() }
        let timers = try state.timerService(Int64.self)
        let numbers = try state.keyed(by: Int64.self).value("n", Int64.self)
        let means = try state.keyed(by: Int64.self).aggregating("mean", Average(), ttl: StateTTL(.hours(1)))
        try state.seal()
        try timers.restore()
        for key in 0..<Int64(20_000) { numbers[key] = key &* 3 }
        _ = try state.snapshot(Epoch(1)).write(to: world.files)
        for key in 0..<Int64(20_000) where key % 7 == 0 { numbers[key] = nil }
        for key in 0..<Int64(10) { numbers[key] = -key }
        means.add(1, for: 5)
        means.add(2, for: 5)
        timers.registerEventTime(at: 9, for: 4)
        timers.registerEventTime(at: -9, for: 4)
        timers.register(at: 1, for: 2)
        let view = StateView(state)
        var expected = Dictionary(uniqueKeysWithValues: (0..<Int64(20_000)).filter { $0 % 7 != 0 }.map { ($0, $0 * 3) })
        for key in 0..<Int64(10) { expected[key] = -key }
        #expect(try view.entries(of: "n", Int64.self, Int64.self) == expected)
        #expect(try view.entries(of: "mean", Int64.self, Average.Accumulator.self) == [5: .init(sum: 3, count: 2)])
        #expect(means[5] == 1.5)
        #expect(try view.timers(eventTime: true, Int64.self) == [4: [-9, 9]])
        #expect(try view.timers(eventTime: false, Int64.self) == [2: [1]])
    }

    // MARK: Aggregates

    @Test func aggregatesFoldMergeAndCombine() {
        let numbers = [3, -1, 7, 7, 0]
        func both<A: Aggregate>(_ aggregate: A) -> (A.Output, A.Output) where A.Input == Int {
            var whole = aggregate.empty()
            for number in numbers { aggregate.add(number, to: &whole) }
            var left = aggregate.empty()
            var right = aggregate.empty()
            for number in numbers.prefix(2) { aggregate.add(number, to: &left) }
            for number in numbers.dropFirst(2) { aggregate.add(number, to: &right) }
            aggregate.merge(right, into: &left)
            return (aggregate.result(whole), aggregate.result(left))
        }
        #expect(both(Count<Int>()) == (5, 5))
        #expect(both(Sum<Int>()) == (16, 16))
        #expect(both(Min<Int>()) == (-1, -1))
        #expect(both(Max<Int>()) == (7, 7))
        #expect(both(Average().over { Double($0) }) == (3.2, 3.2))
        let (whole, merged) = both(Count<Int>().and(Max<Int>()))
        #expect(whole == (5, 7) && merged == (5, 7))
        #expect(Average().result(Average().empty()) == nil && Min<Int>().result(nil) == nil)
    }
}
