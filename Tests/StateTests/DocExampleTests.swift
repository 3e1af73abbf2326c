import Foundation
import StateRocksDB
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// The examples of docs/state.md.
@Suite struct DocExampleTests {
    struct Purchase: StateCodable, Sendable {
        var user: String
        var id: String
        var amount: Int

        static var stateSchema: String { "purchase" }
        func encode(into writer: inout ByteWriter) {}
        init(from reader: inout ByteReader) throws { throw StateDecodingError("not stored") }
        init(_ user: String, _ id: String, _ amount: Int) {
            self.user = user
            self.id = id
            self.amount = amount
        }
    }

    struct Shopper: KeyedProcessFunction {
        typealias Output = String
        let visits: DefaultedState<String, Int>
        let spent: AggregatingState<String, Sum<Int>>
        let seen: ExpiringMapState<String, String, Bool>
        let pending: OperatorListState<String>
        let rules: BroadcastState<String, Int>

        init(_ state: KeyedStateContext<String>) throws {
            visits = try state.value("visits", default: 0)
            spent = try state.aggregating("spent", Sum<Int>())
            seen = try state.map("seen", String.self, Bool.self, ttl: StateTTL(.hours(1)))
            let context = state.operatorContext
            pending = try context.listState("pending", String.self, redistribution: .split)
            rules = try context.broadcastState("rules", String.self, Int.self)
        }

        mutating func process<Out: Collector>(
            _ order: Purchase, key user: String, _ context: KeyedContext<String>, into out: inout Out
        ) throws where Out.Element == String {
            guard seen[user, order.id] == nil else { return }
            seen[user, order.id] = true
            visits[user] += 1
            spent.add(order.amount, for: user)
            try out.collect("\(user): \(visits[user]) orders, \(spent[user] ?? 0) in all")
        }
    }

    struct Shop: StreamJob {
        static let name = "shop"
        let sink: CollectSink<String>

        func build(_ flow: Flow) {
            let orders = [Purchase("ann", "1", 5), Purchase("bob", "2", 1), Purchase("ann", "1", 5), Purchase("ann", "3", 7)]
            flow.source(GeneratorSource(count: 4, splits: 1) { orders[Int($0)] })
                .keyed(by: \.user)
                .process { try Shopper($0) }
                .id("shopper")
                .sink(sink)
        }
    }

    struct Like: Sendable {
        var page: String
        var user: String
        var millis: Int64
        var isTidying = false
    }

    /// Who liked a page, and when they did last. Forgets those who did so more than a day ago, as told by a tidying record.
    struct Likes: KeyedProcessFunction {
        typealias Output = String
        let likes: LargeMapState<String, String, Int64>

        init(_ state: KeyedStateContext<String>) throws {
            likes = try state.largeMap("likes", String.self, Int64.self)
        }

        mutating func process<Out: Collector>(
            _ like: Like, key page: String, _ context: KeyedContext<String>, into out: inout Out
        ) throws where Out.Element == String {
            if like.isTidying {
                likes.removeAll(of: page) { _, millis in millis < like.millis - 86_400_000 }
            } else {
                likes[page, like.user] = like.millis
            }
            try out.collect("\(page): \(likes.count(of: page))")
        }
    }

    struct Pages: StreamJob {
        static let name = "pages"
        let sink: CollectSink<String>

        func build(_ flow: Flow) {
            let likes = [
                Like(page: "a", user: "ann", millis: 0), Like(page: "a", user: "bob", millis: 10),
                Like(page: "a", user: "ann", millis: 86_400_005), Like(page: "a", user: "eve", millis: 86_400_006),
                Like(page: "a", user: "", millis: 86_400_011, isTidying: true),
            ]
            flow.source(GeneratorSource(count: 5, splits: 1) { likes[Int($0)] })
                .keyed(by: \.page)
                .process { try Likes($0) }
                .id("likes")
                .sink(sink)
        }
    }

    @Test func oldLikesAreForgotten() throws {
        let sink = CollectSink<String>()
        try run(Pages(sink: sink), lookingAt: "likes") { view in
            #expect(sink.elements == ["a: 1", "a: 2", "a: 2", "a: 3", "a: 2"])
            let kept = try view.largeMaps(of: "likes", String.self, String.self, Int64.self)
            #expect(kept == ["a": ["ann": 86_400_005, "eve": 86_400_006]])
        }
    }

    @Test func theShopperRemembers() throws {
        let sink = CollectSink<String>()
        try run(Shop(sink: sink), lookingAt: "shopper") { view in
            #expect(sink.elements == ["ann: 1 orders, 5 in all", "bob: 1 orders, 1 in all", "ann: 2 orders, 12 in all"])
            let visits = try view.entries(of: "visits", String.self, Int.self)
            #expect(visits == ["ann": 2, "bob": 1])
        }
    }

    /// Runs a job to its end, and shows what its last checkpoint holds of an operator.
    private func run<Job: StreamJob>(_ job: Job, lookingAt id: OperatorID, _ look: (StateView) throws -> Void) throws {
        let folder = TemporaryFolder(inMemory: true)
        var options = JobOptions()
        options.parallelism = 1
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        try JobRunner(job, options: options, environment: JobEnvironment()).run()
        let store = try FileCheckpointStore(root: options.checkpointRoot, job: JobID(namespace: "default", jobName: Job.name))
        let manifest = try store.manifest(named: try #require(try store.manifestNames().last)).manifest
        try look(try StateView(manifest, operator: id, files: store, backends: [HeapBackend()]))
    }
}
