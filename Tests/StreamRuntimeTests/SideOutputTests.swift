import StreamRuntime
import StreamRuntimeTesting
import Testing

@Suite struct SideOutputTests {
    static let odd = SideOutput<Int64>("odd")

    /// Hands even numbers on, and puts odd ones out beside.
    struct Evens: KeyedProcessFunction {
        typealias Output = Int64
        let odd: SideEmitter<Int64>

        init(_ state: KeyedStateContext<Int64>) { odd = state.emitter(SideOutputTests.odd) }

        mutating func process(
            _ number: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout some Collector<Int64>
        ) throws {
            if number % 2 == 0 { try out.collect(number) } else { odd.emit(number) }
        }
    }

    @Test(arguments: [1, 3]) func everyStreamThatReadsASideOutputGetsAllOfIt(parallelism: Int) throws {
        let numbers = TestSource<Int64>()
        let all = CollectSink<String>()
        let test = try JobTest(TestSetup(parallelism: parallelism)) { flow in
            let evens = flow.source(numbers).keyed(by: { $0 }).process { Evens($0) }
            evens.map { "even \($0)" }
                .union(evens.sideOutput(Self.odd).map { "first \($0)" })
                .union(evens.sideOutput(Self.odd).map { "second \($0)" })
                .sink(all)
        }
        numbers.push(contentsOf: Int64(0)..<6)
        try test.finish()
        let expected = ["even 0", "even 2", "even 4"] + ["first", "second"].flatMap { who in [1, 3, 5].map { "\(who) \($0)" } }
        #expect(all.elements.sorted() == expected)
    }

    /// Records of one type in batches of another would be read as what they are not.
    @Test func oneThatIsReadAsAnotherTypeFailsTheJob() throws {
        let numbers = TestSource<Int64>()
        let test = try JobTest { flow in
            let evens = flow.source(numbers).keyed(by: { $0 }).process { Evens($0) }.id("evens")
            evens.map { "\($0)" }.union(evens.sideOutput(SideOutput<String>("odd"))).sink(CollectSink<String>())
        }
        numbers.push(1)
        let error = #expect(throws: GraphError.self) { try test.run() }
        #expect(error?.description.contains("operator 'evens'") == true)
        #expect(error?.description.contains("'odd'") == true)
    }

    /// It never got a record: the operator that puts odd numbers out stands before the one that is asked for them.
    @Test func oneThatItsOperatorDoesNotHaveIsRefused() {
        let error = #expect(throws: GraphError.self) {
            try JobTest { flow in
                let doubled = flow.source(TestSource<Int64>([1])).keyed(by: { $0 }).process { Evens($0) }
                    .map { $0 * 2 }.id("doubled")
                doubled.union(doubled.sideOutput(Self.odd)).sink(CollectSink<Int64>())
            }
        }
        #expect(error?.description.contains("'doubled'") == true && error?.description.contains("'odd'") == true)
    }
}
