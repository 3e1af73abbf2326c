import StreamRuntime
import StreamRuntimeTesting
import Testing

/// A record that notes the subtasks it comes through.
private struct Traveller: Sendable {
    var id: Int64
    var from = -1
    var to = -1
}

private struct Depart: Operator {
    typealias Output = Traveller
    let subtask: Int

    mutating func process<Down: Collector>(_ id: Int64, into down: inout Down) throws where Down.Element == Traveller {
        try down.collect(Traveller(id: id, from: subtask))
    }
}

private struct Arrive: Operator {
    typealias Output = Traveller
    let subtask: Int

    mutating func process<Down: Collector>(_ record: Traveller, into down: inout Down) throws where Down.Element == Traveller {
        try down.collect(Traveller(id: record.id, from: record.from, to: subtask))
    }
}

/// Where records come to, between so many subtasks and so many.
@Suite struct ExchangeTests {
    struct Sizes: Sendable, CustomTestStringConvertible {
        let from: Int
        let to: Int
        var testDescription: String { "\(from) to \(to)" }
    }
    static let sizes = (1...4).flatMap { from in (1...5).map { Sizes(from: from, to: $0) } }
    static let count: Int64 = 120

    /// Record by record: each leaves as a batch of its own. Record i departs from subtask i modulo `from`.
    private func journeys(
        _ sizes: Sizes, _ deal: (Stream<Stage<InputHead<Int64>, Depart>>) -> Stream<InputHead<Traveller>>
    ) throws -> [Traveller] {
        let harness = try OperatorHarness<Int64, Traveller>(parallelism: sizes.to) { numbers in
            deal(numbers.partitioned { Int($0) % $1 }.apply("depart") { Depart(subtask: $0.subtask) }.parallelism(sizes.from))
                .apply("arrive") { Arrive(subtask: $0.subtask) }.parallelism(sizes.to)
        }
        for id in 0..<Self.count { try harness.push(id) }
        let journeys = harness.takeElements()
        try #require(journeys.allSatisfy { $0.from == Int($0.id) % sizes.from && (0..<sizes.to).contains($0.to) })
        return journeys
    }

    private func expectEachOnce(_ journeys: [Traveller]) {
        #expect(journeys.map(\.id).sorted() == Array(0..<Self.count))
    }

    /// Every subtask sends to `targets` of its own, in turn.
    private func expectTurns(_ journeys: [Traveller], _ sizes: Sizes, targets: (Int) -> Set<Int>) {
        for from in 0..<sizes.from {
            let counts = Dictionary(grouping: journeys.filter { $0.from == from }, by: \.to).mapValues(\.count)
            #expect(Set(counts.keys) == targets(from), "from \(from)")
            #expect((counts.values.max() ?? 0) - (counts.values.min() ?? 0) <= 1, "from \(from): \(counts)")
        }
    }

    @Test(arguments: sizes) func globalBringsAllToTheFirst(_ sizes: Sizes) throws {
        let journeys = try journeys(sizes) { $0.global() }
        expectEachOnce(journeys)
        #expect(journeys.allSatisfy { $0.to == 0 })
    }

    @Test(arguments: sizes) func broadcastedGivesEachSubtaskACopy(_ sizes: Sizes) throws {
        let journeys = try journeys(sizes) { $0.broadcasted() }
        for to in 0..<sizes.to { expectEachOnce(journeys.filter { $0.to == to }) }
    }

    @Test(arguments: sizes) func partitionedBringsEachWhereTheFunctionSays(_ sizes: Sizes) throws {
        let journeys = try journeys(sizes) { $0.partitioned { record, subtasks in (Int(record.id) / 7 + 3) % subtasks } }
        expectEachOnce(journeys)
        #expect(journeys.allSatisfy { $0.to == (Int($0.id) / 7 + 3) % sizes.to })
    }

    @Test(arguments: sizes) func rebalancedTakesAllInTurn(_ sizes: Sizes) throws {
        let journeys = try journeys(sizes) { $0.rebalanced() }
        expectEachOnce(journeys)
        expectTurns(journeys, sizes) { _ in Set(0..<sizes.to) }
    }

    /// Subtasks lie next to each other when both sides are spread over the same line.
    @Test(arguments: sizes) func rescaledTakesThoseNextToItInTurn(_ sizes: Sizes) throws {
        let journeys = try journeys(sizes) { $0.rescaled() }
        expectEachOnce(journeys)
        let targets = (0..<sizes.from).map { from in Set(journeys.filter { $0.from == from }.map(\.to)) }
        expectTurns(journeys, sizes) { targets[$0] }
        // None is left out, and nobody has more than one more than another.
        #expect(targets.reduce(Set()) { $0.union($1) } == Set(0..<sizes.to))
        if sizes.from <= sizes.to {
            #expect(targets.map(\.count).reduce(0, +) == sizes.to, "each has one that sends to it")
            #expect((targets.map(\.count).max() ?? 0) - (targets.map(\.count).min() ?? 0) <= 1)
        } else {
            #expect(targets.allSatisfy { $0.count == 1 }, "each sends to one")
            let senders = Dictionary(grouping: targets.compactMap(\.first), by: { $0 }).mapValues(\.count)
            #expect((senders.values.max() ?? 0) - (senders.values.min() ?? 0) <= 1)
        }
        let order = targets.flatMap { $0.sorted() }
        #expect(order == order.sorted(), "neighbours")
    }

    private struct Height: StreamKey {
        static let stateSchema = "test-height"
        let metres: Double
        init(_ metres: Double) { self.metres = metres }
        func encode(into writer: inout ByteWriter) { metres.encode(into: &writer) }
        init(from reader: inout ByteReader) throws { metres = try Double(from: &reader) }
    }

    /// Each record of it began a state of its own, which nothing found again.
    @Test func aKeyThatIsNotEqualToItselfFailsTheJob() throws {
        let harness = try OperatorHarness { (heights: HarnessStream<Double>) in
            heights.keyed(by: { Height($0) }).fold(0) { count, _ in count += 1 }.map { $0.value }
        }
        try harness.push(-0.0)
        try harness.push(.infinity)
        #expect(harness.elements == [1, 1])
        let error = #expect(throws: UnequalKeyError.self) { try harness.push(.nan) }
        #expect(error?.description.contains("nan") == true)
    }
}
