import StreamRuntime
import StreamRuntimeTesting
import Testing

@Suite struct JoinTests {
    typealias Input = HarnessStream<Event>

    static let bounds: [(Int64, Int64)] = [(-5, 10), (0, 0), (3, 9), (-9, -3), (-1, 0), (-100, 250), (.min, .max), (.max, .max)]

    private static func keyedPair(_ first: Input, _ second: Input) -> KeyedPair<HarnessInput<Event>, HarnessInput<Event>, Int64> {
        first.keyed(by: \.key).joined(with: second.keyed(by: \.key))
    }

    @Test(arguments: TrialCase.some(heap: 16)) func intervalJoinsAreWhatANaiveOneIs(_ life: TrialCase) async throws {
        let (lower, upper) = life.pick(Self.bounds)
        func interval(_ first: Input, _ second: Input) -> IntervalJoin<HarnessInput<Event>, HarnessInput<Event>, Int64> {
            Self.keyedPair(first, second).intervalJoin(between: .milliseconds(lower), and: .milliseconds(upper))
        }
        func trial<C: Chain<String>>(
            _ keepsFirst: Bool, _ keepsSecond: Bool, _ build: @escaping (Input, Input) -> Stream<C>
        ) async throws {
            let model = IntervalModel(lower: max(lower, -.max), upper: upper, keepsFirst: keepsFirst, keepsSecond: keepsSecond)
            var trial = try PairTrial(life, model: model, build: build)
            try await trial.run(steps: 120)
        }
        try await trial(true, true) { interval($0, $1).full { pairing($0, $1) } }
        guard life.backend == .heap else { return }
        try await trial(false, false) { interval($0, $1).inner { pairing($0, $1) } }
        try await trial(true, false) { interval($0, $1).left { pairing($0, $1) } }
        try await trial(false, true) { interval($0, $1).right { pairing($0, $1) } }
    }

    @Test(arguments: TrialCase.some(heap: 16)) func temporalJoinsAreWhatANaiveOneIs(_ life: TrialCase) async throws {
        let removals = life.pick([true, false])
        var left = try PairTrial(life, model: TemporalModel(keepsFirst: true), removals: removals) {
            Self.keyedPair($0, $1).temporalJoin(removedWhen: \.isRemoval).left { pairing($0, $1) }
        }
        try await left.run(steps: 150)
        guard life.backend == .heap else { return }
        var inner = try PairTrial(life, model: TemporalModel(keepsFirst: false), removals: removals) {
            Self.keyedPair($0, $1).temporalJoin(removedWhen: \.isRemoval).inner { pairing($0, $1) }
        }
        try await inner.run(steps: 150)
    }

    @Test func buffersAreEmptyOnceTheWatermarkHasPassed() throws {
        let harness = try PairHarness<Event, Event, String> {
            Self.keyedPair($0, $1).intervalJoin(between: .seconds(-1), and: .seconds(1)).full { pairing($0, $1) }
        }
        for id in Int64(0)..<500 {
            try harness.pushFirst(Event(key: 1, id: id, millis: 1000 + id % 7), at: 1000 + id % 7)
            try harness.pushSecond(Event(key: id, id: id, millis: 9000), at: 9000)
        }
        try harness.watermark(20_000)
        _ = try harness.snapshot()
        #expect(harness.metrics.sum("weir_state_entries") == 0)
        #expect(harness.elements.count == 1000)
    }

    @Test func lateRecordsGoToTheirSideOutput() throws {
        let (orders, shipments) = (SideOutput<Event>("late-orders"), SideOutput<Event>("late-shipments"))
        let harness = try PairHarness<Event, Event, String>(collecting: orders, shipments) {
            Self.keyedPair($0, $1).intervalJoin(between: .zero, and: .seconds(1))
                .lateOutputs(first: orders, second: shipments).inner { pairing($0, $1) }
        }
        try harness.watermark(100)
        try harness.pushFirst(Event(key: 1, id: 1, millis: 100), at: 100)
        try harness.pushSecond(Event(key: 1, id: 2, millis: 50), at: 50)
        try harness.pushFirst(Event(key: 1, id: 3, millis: 101), at: 101)
        #expect(try harness.sideOutput(orders).map(\.element.id) == [1])
        #expect(try harness.sideOutput(shipments).map(\.element.id) == [2])
        #expect(harness.elements == [])
    }

    @Test func aHotKeyIsWrittenByChunksNotWhole() throws {
        let harness = try PairHarness<Event, Event, String> {
            Self.keyedPair($0, $1).intervalJoin(between: .zero, and: .hours(1)).inner { pairing($0, $1) }
        }
        for id in Int64(0)..<10_000 { try harness.pushFirst(Event(key: 1, id: id, millis: id), at: id) }
        _ = try harness.snapshot()
        let whole = harness.metrics.sum("weir_checkpoint_size_bytes")
        try harness.pushFirst(Event(key: 1, id: 10_000, millis: 10_000), at: 10_000)
        _ = try harness.snapshot()
        #expect(
            harness.metrics.sum("weir_checkpoint_size_bytes") - whole < whole / 50, "one more record of a key that has 10 000")
    }

    @Test func bothInputsOfAJoinNeedEventTime() {
        struct Job: StreamJob {
            static let name = "untimed"
            func build(_ flow: Flow) {
                let timed = flow.source(CollectionSource<Event>([])).watermarks(.monotonic(), at: \.millis)
                let untimed = flow.source(CollectionSource<Event>([]))
                timed.keyed(by: \.key).joined(with: untimed.keyed(by: \.key))
                    .intervalJoin(between: .zero, and: .zero).inner { $0.key + $1.key }.sink(ForEachSink { _ in })
            }
        }
        #expect { try JobTest(Job()) } throws: { "\($0)".contains("its second input has none") }
    }

    @Test func boundsInTheWrongOrderAreRefused() {
        #expect {
            try PairHarness<Event, Event, String> {
                Self.keyedPair($0, $1).intervalJoin(between: .seconds(1), and: .zero).inner { pairing($0, $1) }
            }
        } throws: { "\($0)".contains("the lower bound comes first") }
    }

    @Test(arguments: [1, 2]) func stateOfOtherBoundsIsRefused(_ parallelism: Int) throws {
        func harness(
            upper: Int64, id: OperatorID, restoring snapshot: HarnessSnapshot? = nil
        ) throws
            -> PairHarness<Event, Event, String>
        {
            try PairHarness(parallelism: snapshot == nil ? 2 : parallelism, restoring: snapshot) {
                Self.keyedPair($0, $1).intervalJoin(between: .zero, and: .milliseconds(upper)).full { pairing($0, $1) }.id(id)
            }
        }
        let before = try harness(upper: 1000, id: "joined")
        for key in Int64(0)..<8 { try before.pushFirst(Event(key: key, id: key, millis: 10), at: 10) }
        let snapshot = try before.snapshot()
        #expect { try harness(upper: 400, id: "joined", restoring: snapshot) } throws: {
            "\($0)".contains("'joined' for a join between 0 ms and 1000 ms; it now joins between 0 ms and 400 ms")
        }
        let same = try harness(upper: 1000, id: "joined", restoring: snapshot)
        try same.watermark(1010)
        #expect(same.elements.count == 8)
    }

    /// An inner join does not note which of its records have found a partner: of some, an outer one said that they had not.
    @Test func stateOfAnInnerJoinIsRefusedByAnOuterOneAndNotTheOtherWayRound() throws {
        func join<C: Chain<String>>(
            restoring snapshot: HarnessSnapshot? = nil,
            _ results: (IntervalJoin<HarnessInput<Event>, HarnessInput<Event>, Int64>) -> Stream<C>
        ) throws -> PairHarness<Event, Event, String> {
            try PairHarness(restoring: snapshot) {
                results(Self.keyedPair($0, $1).intervalJoin(between: .zero, and: .milliseconds(1000))).id("joined")
            }
        }
        let inner = try join { $0.inner { pairing($0, $1) } }
        try inner.pushFirst(Event(key: 1, id: 1, millis: 10), at: 10)
        try inner.pushSecond(Event(key: 1, id: 2, millis: 20), at: 20)
        let snapshot = try inner.snapshot()
        #expect { try join(restoring: snapshot) { $0.left { pairing($0, $1) } } } throws: {
            "\($0)".contains("'joined'") && "\($0)".contains("first input")
        }
        #expect { try join(restoring: snapshot) { $0.right { pairing($0, $1) } } } throws: {
            "\($0)".contains("'joined'") && "\($0)".contains("second input")
        }
        let full = try join { $0.full { pairing($0, $1) } }
        try full.pushFirst(Event(key: 1, id: 1, millis: 10), at: 10)
        let left = try join(restoring: try full.snapshot()) { $0.left { pairing($0, $1) } }
        try left.watermark(1010)
        #expect(left.elements.count == 1)
    }
}
