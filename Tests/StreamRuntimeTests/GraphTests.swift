import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Builds from a closure, for graphs that should be refused.
struct AnyJob: StreamJob {
    static let name = "any"
    let body: @Sendable (Flow) throws -> Void
    func build(_ flow: Flow) throws { try body(flow) }
}

/// Passes records on.
private struct Same: Operator {
    typealias Output = Int
    mutating func process<Down: Collector>(_ input: Int, into down: inout Down) throws where Down.Element == Int {
        try down.collect(input)
    }
}

private struct Echo: AsyncFunction {
    func request(_ input: Int) -> AsyncRequest<Int, Int> { .ask(input) }
    var perform: @Sendable (Int) async throws -> Int { { $0 } }
    func complete(_ input: Int, _ response: Int) -> Int { response }
}

@Suite struct GraphTests {
    private func refusal(_ body: @escaping @Sendable (Flow) throws -> Void) -> String {
        do {
            _ = try JobRunner(AnyJob(body: body), options: JobOptions(), environment: JobEnvironment())
            return ""
        } catch { return "\(error)" }
    }
    private let source = CollectionSource([1, 2, 3])
    private let discard = ForEachSink<Int> { _ in }

    @Test func anEmptyJobIsRefused() { #expect(refusal { _ in }.contains("no operators")) }

    @Test func twoOperatorsOfOneIDAreRefused() {
        let message = refusal { [source, discard] flow in
            flow.source(source).map { $0 }.id("same").filter { _ in true }.id("same").sink(discard)
        }
        #expect(message.contains("two operators have the id 'same'"))
    }

    /// A numbered one would take the other's place, and its state, as soon as two lines change places.
    @Test func anIDGivenTwiceAsAnArgumentIsRefusedByName() {
        let sources = refusal { [source, discard] flow in
            flow.source(source, id: "orders").union(flow.source(source, id: "orders")).sink(discard)
        }
        let sinks = refusal { [source, discard] flow in
            let numbers = flow.source(source)
            numbers.sink(discard, id: "out")
            numbers.sink(discard, id: "out")
        }
        let operators = refusal { [source, discard] flow in
            flow.source(source).apply("twice") { _ in Same() }.apply("twice") { _ in Same() }.sink(discard)
        }
        let requests = refusal { [source, discard] flow in
            flow.source(source).asyncProcess("ask") { _ in Echo() }.asyncProcess("ask") { _ in Echo() }.sink(discard)
        }
        for (message, id) in [(sources, "orders"), (sinks, "out"), (operators, "twice"), (requests, "ask")] {
            #expect(message.contains("two operators have the id '\(id)'"), "\(message)")
        }
    }

    @Test func aGeneratedIDMakesWayForOneThatWasGiven() throws {
        let runner = try JobRunner(
            AnyJob { [source, discard] flow in flow.source(source, id: "map").map { $0 }.sink(discard) },
            options: JobOptions(), environment: JobEnvironment())
        #expect(runner.description.vertices.flatMap(\.operators).map(\.id) == ["map", "map-2", "sink"])
    }

    @Test func aSinkIsNamedAndWidenedBehindItsStream() throws {
        let runner = try JobRunner(
            AnyJob { [source, discard] flow in flow.source(source).sink(discard).id("ledger").parallelism(3) },
            options: JobOptions(), environment: JobEnvironment())
        let last = try #require(runner.description.vertices.last)
        #expect(last.operators.map(\.id) == ["ledger"] && last.parallelism == 3)
    }

    @Test func statefulOperatorsWithoutAnIDAreToldOfAtTheStart() async throws {
        let folder = TemporaryFolder()
        let warnings = Mutex<[String]>([])
        let log = RuntimeLog { level, message, _ in if level == .warning { warnings.withLock { $0.append(message) } } }
        try await JobRunner(
            AnyJob { [source, discard] flow in
                let numbers = flow.source(source)
                numbers.keyed(by: { $0 }).fold(0) { $0 += $1 }.map(\.value).sink(discard)
                numbers.keyed(by: { $0 }).fold(0) { $0 += $1 }.id("sums").map(\.value).sink(discard)
            },
            options: testOptions(folder), environment: JobEnvironment(log: log)
        ).run()
        let told = warnings.withLock { $0 }
        #expect(
            told.filter { $0.contains("no id of its own") }.count == 1 && told.contains { $0.contains("operator 'fold'") },
            "\(told)")
    }

    @Test func aStreamWithoutSinkIsRefusedByName() {
        let message = refusal { [source] flow in _ = flow.source(source).map { $0 }.id("loose-end") }
        #expect(message.contains("nothing reads from operator 'loose-end'"))
    }

    @Test func aParallelismAboveTheMaximumIsRefusedByName() {
        let message = refusal { [source, discard] flow in
            flow.source(source).map { $0 }.id("wide").parallelism(129).sink(discard)
        }
        #expect(message.contains("'wide' asks for parallelism 129") && message.contains("128"))
    }

    /// It was left out of account: records are dealt out where they come from.
    @Test func aParallelismOfAnExchangeIsRefusedByName() {
        let message = refusal { [source, discard] flow in
            flow.source(source).rebalanced().id("deal").parallelism(4).map { $0 }.sink(discard)
        }
        #expect(message.contains("'deal'") && message.contains("operator that follows"))
    }

    @Test func theTopOfNothingIsRefusedByName() {
        let message = refusal { [source, discard] flow in
            flow.source(source).windowAll(.count(3)).topN(0, by: { $0 }).id("best").map { $0.value.count }.sink(discard)
        }
        #expect(message.contains("'best'") && message.contains("topN"))
    }

    @Test func aMalformedIDIsRefused() {
        let message = refusal { [source, discard] flow in flow.source(source, id: "Not Good").sink(discard) }
        #expect(message.contains("'Not Good' is not valid"))
    }

    @Test func aStreamOfAnotherJobIsRefused() {
        let message = refusal { [source, discard] flow in
            let foreign = Flow()
            let other = foreign.source(source).map { $0 }.map { $0 }.map { $0 }
            flow.source(source).union(other).id("mixed").sink(discard)
        }
        #expect(message.contains("'mixed'"))
    }

    /// At its place in this job's graph there is an operator with records of another type.
    @Test func aStreamOfAnotherJobIsRefusedAlsoWhereThisOneHasAnOperatorAtItsPlace() {
        let union = refusal { [source, discard] flow in
            let words = Flow().source(CollectionSource([7]))
            flow.source(source).map { "\($0)" }.map { $0.count }.union(words).id("mixed").sink(discard)
        }
        let pair = refusal { [source, discard] flow in
            let words = Flow().source(CollectionSource(["a"])).keyed(by: { $0.count })
            flow.source(source).keyed(by: { $0 }).connected(words).process { _ in NumbersAndWords() }.id("mixed").sink(discard)
        }
        for message in [union, pair] { #expect(message.contains("'mixed'") && message.contains("another job"), "\(message)") }
    }

    private struct NumbersAndWords: KeyedPairFunction {
        typealias Output = Int
        mutating func processFirst<Out: Collector>(
            _ number: Int, key: Int, _ context: KeyedContext<Int>, into out: inout Out
        ) throws where Out.Element == Int { try out.collect(number) }
        mutating func processSecond<Out: Collector>(
            _ word: String, key: Int, _ context: KeyedContext<Int>, into out: inout Out
        ) throws where Out.Element == Int { try out.collect(key) }
    }

    @Test func twoDecidingSystemsAreRefusedNamingBothSinks() {
        let message = refusal { [source] flow in
            let numbers = flow.source(source)
            numbers.sink(CollectSink<Int>(), id: "left")
            numbers.sink(CollectSink<Int>(), id: "right")
        }
        #expect(message.contains("'left'") && message.contains("'right'"))
    }

    @Test func generatedIDsAreNumbered() async throws {
        let folder = TemporaryFolder()
        let metrics = MetricRegistry()
        try await JobRunner(
            AnyJob { [source, discard] flow in flow.source(source).map { $0 }.map { $0 }.sink(discard) },
            options: testOptions(folder), environment: JobEnvironment(metrics: metrics)
        ).run()
        #expect(metrics.sum("weir_operator_records_in_total", where: ["operator": "map-2"]) == 3)
    }

    @Test func fanOutUnionRebalanceAndMixedParallelismDeliverEverything() async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<Int64>()
        try await JobRunner(
            AnyJob { flow in
                let numbers = flow.source(GeneratorSource(count: 10_000, splits: 2) { $0 }).map { $0 + 1 }
                let even = numbers.filter { $0 % 2 == 0 }.parallelism(3)
                let odd = numbers.rebalanced().filter { $0 % 2 == 1 }
                let keyed = numbers.keyed(by: { $0 % 16 }).fold(Int64(0)) { n, _ in n += 1 }.filter { _ in false }.map {
                    $0.value
                }
                even.union(odd).union(keyed).sink(sink)
            }, options: testOptions(folder, parallelism: 2), environment: JobEnvironment()
        ).run()
        #expect(sink.elements.sorted() == Array(1...10_000))
    }
}
