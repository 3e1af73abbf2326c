import StreamRuntime
import Testing

/// Builds from a closure, for graphs that should be refused.
struct AnyJob: StreamJob {
    static let name = "any"
    let body: @Sendable (Flow) throws -> Void
    func build(_ flow: Flow) throws { try body(flow) }
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

    @Test func twoDecidingSystemsAreRefusedNamingBothSinks() {
        let message = refusal { [source] flow in
            let numbers = flow.source(source)
            numbers.sink(CollectSink<Int>(), id: "left")
            numbers.sink(CollectSink<Int>(), id: "right")
        }
        #expect(message.contains("'left'") && message.contains("'right'"))
    }

    @Test func generatedIDsAreNumbered() async throws {
        let folder = try TemporaryFolder()
        let metrics = MetricRegistry()
        try await JobRunner(
            AnyJob { [source, discard] flow in flow.source(source).map { $0 }.map { $0 }.sink(discard) },
            options: testOptions(folder), environment: JobEnvironment(metrics: metrics)
        ).run()
        #expect(metrics.sum("weir_operator_records_in_total", where: ["operator": "map-2"]) == 3)
    }

    @Test func fanOutUnionRebalanceAndMixedParallelismDeliverEverything() async throws {
        let folder = try TemporaryFolder()
        let sink = CollectSink<Int64>()
        try await JobRunner(
            AnyJob { flow in
                let numbers = flow.source(GeneratorSource(count: 10_000, splits: 2) { $0 }).map { $0 + 1 }
                let even = numbers.filter { $0 % 2 == 0 }.parallelism(3)
                let odd = numbers.rebalanced().filter { $0 % 2 == 1 }
                let keyed = numbers.keyed(by: { $0 % 16 }).fold(Int64(0)) { n, _ in n += 1 }.filter { _ in false }.map { $0.value }
                even.union(odd).union(keyed).sink(sink)
            }, options: testOptions(folder, parallelism: 2), environment: JobEnvironment()
        ).run()
        #expect(sink.elements.sorted() == Array(1...10_000))
    }
}
