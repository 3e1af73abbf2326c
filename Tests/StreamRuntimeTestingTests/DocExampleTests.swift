import StreamRuntime
import StreamRuntimeTesting
import Testing

/// The examples of docs/testing.md.
@Suite struct DocExampleTests {
    @Test func oneOperator() throws {
        let harness = try OperatorHarness { (orders: HarnessStream<Order>) in
            orders.keyed(by: \.user).process { try Totals($0) }
        }
        try harness.push(Order(user: "ann", quantity: 2), at: 1_000)
        #expect(harness.takeOutput() == [Emitted("ann 2", at: 1_000)])

        try harness.watermark(11_000)
        #expect(harness.takeOutput() == [Emitted("quiet ann 2", at: 11_000)])
        try harness.advance(by: .seconds(60))
        #expect(harness.takeElements() == ["minute ann 60000"])
    }

    @Test func sideOutputs() throws {
        let harness = try OperatorHarness(
            collecting: Totals.large,
            of: { (orders: HarnessStream<Order>) in
                orders.keyed(by: \.user).process { try Totals($0) }
            })
        try harness.push(Order(user: "bob", quantity: 5_000))
        #expect(try harness.sideOutput(Totals.large).map(\.element) == [Order(user: "bob", quantity: 5_000)])
    }

    @Test func stateAndRestarts() throws {
        func totals(_ orders: HarnessStream<Order>) -> Stream<some Chain<String>> {
            orders.keyed(by: \.user).process { try Totals($0) }
        }
        let harness = try OperatorHarness(parallelism: 2, of: totals)
        try harness.push(Order(user: "ann", quantity: 2))
        let snapshot = try harness.snapshot()

        let kept = try snapshot.state(of: "process").entries(of: "total", String.self, Int.self)
        #expect(kept == ["ann": 2])

        let restored = try OperatorHarness(parallelism: 3, restoring: snapshot, of: totals)
        try restored.push(Order(user: "ann", quantity: 1))
        #expect(restored.takeElements() == ["ann 3"])
    }

    @Test func aWholeJob() throws {
        let orders = TestSource<Order>()
        let totals = CollectSink<String>()
        let test = try JobTest(TestSetup(parallelism: 2)) { flow in
            flow.source(orders)
                .keyed(by: \.user).fold(0) { $0 += $1.quantity }
                .map { "\($0.key) \($0.value)" }
                .sink(totals)
        }
        orders.push(Order(user: "ann", quantity: 2))
        try test.checkpoint()
        #expect(totals.elements == ["ann 2"])
        #expect(try test.state(of: "fold").entries(of: "value", String.self, Int.self) == ["ann": 2])

        orders.push(Order(user: "ann", quantity: 1))
        try test.run()
        try test.crashAndRestore(parallelism: 3)
        try test.finish()
        #expect(totals.elements == ["ann 2", "ann 3"])
        try expectGolden(totals.elements.sorted(), file: "golden/totals.txt")
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func totalsDoNotDependOnTheOrderOfTasks(_ seed: UInt64) throws {
        let orders = TestSource((1...100).map { Order(user: "user-\($0 % 7)", quantity: 1) })
        let totals = CollectSink<Int>()
        let test = try JobTest(TestSetup(parallelism: 3, seed: seed)) { flow in
            flow.source(orders).keyed(by: \.user).fold(0) { $0 += $1.quantity }.map(\.value).sink(totals)
        }
        try test.finish()
        #expect(totals.elements.filter { $0 == 1 }.count == 7)
    }
}
