import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Every accepted record in the windows it belongs to; pairs, as a window ends.
struct WindowJoinModel: PairModel {
    let keepsFirst: Bool
    let keepsSecond: Bool
    private var windows: WindowsModel

    init(_ kind: WindowsModel.Kind, keepsFirst: Bool, keepsSecond: Bool) {
        windows = WindowsModel(kind)
        self.keepsFirst = keepsFirst
        self.keepsSecond = keepsSecond
    }

    mutating func first(_ event: Event) -> [String]? { windows.add(event, isFirst: true) ? [] : nil }
    mutating func second(_ event: Event) -> [String]? { windows.add(event, isFirst: false) ? [] : nil }

    mutating func watermark(_ time: Int64) -> [String] {
        windows.close(through: time).flatMap { window -> [String] in
            let firsts = window.records.filter(\.isFirst).map(\.event)
            let seconds = window.records.filter { !$0.isFirst }.map(\.event)
            var results = firsts.flatMap { first in seconds.map { pairing(first, $0) } }
            if keepsFirst, seconds.isEmpty { results += firsts.map { pairing($0, nil) } }
            if keepsSecond, firsts.isEmpty { results += seconds.map { pairing(nil, $0) } }
            return results.map { "\($0)@\(window.window.last)" }
        }
    }
}

@Suite struct WindowJoinTests {
    typealias Input = HarnessStream<Event>

    @Test(arguments: TrialCase.some(heap: 12, rocksdb: 3)) func windowJoinsAreWhatANaiveOneIs(_ life: TrialCase) async throws {
        let (assigner, kind) = life.pick(WindowsModel.kinds)
        func join(_ first: Input, _ second: Input) -> WindowJoin<HarnessInput<Event>, HarnessInput<Event>, Int64> {
            first.keyed(by: \.key).joined(with: second.keyed(by: \.key)).windowJoin(assigner)
        }
        func trial<C: Chain<String>>(
            _ keepsFirst: Bool, _ keepsSecond: Bool, _ build: @escaping (Input, Input) -> Stream<C>
        ) async throws {
            var trial = try PairTrial(
                life, model: WindowJoinModel(kind, keepsFirst: keepsFirst, keepsSecond: keepsSecond),
                lateMetric: "weir_window_late_records_total", build: build)
            try await trial.run(steps: 120)
        }
        try await trial(true, true) { join($0, $1).full { pairing($0, $1) } }
        guard life.backend == .heap else { return }
        try await trial(false, false) { join($0, $1).inner { pairing($0, $1) } }
        try await trial(true, false) { join($0, $1).left { pairing($0, $1) } }
        try await trial(false, true) { join($0, $1).right { pairing($0, $1) } }
    }

    @Test func aGroupHasAllRecordsOfItsWindow() throws {
        let late = SideOutput<EitherSide<Event, Event>>("late")
        let harness = try PairHarness<Event, Event, String>(collecting: late) {
            $0.keyed(by: \.key).joined(with: $1.keyed(by: \.key)).windowJoin(.tumbling(.seconds(1))).lateOutput(late)
                .coGroup { ["\($0.key) [\($0.window.start)): \($0.value.first.map(\.id)) \($0.value.second.map(\.id))"] }
        }
        try harness.pushFirst(Event(key: 1, id: 1, millis: 5), at: 5)
        try harness.pushSecond(Event(key: 1, id: 2, millis: 999), at: 999)
        try harness.pushFirst(Event(key: 1, id: 3, millis: 1000), at: 1000)
        try harness.watermark(1500)
        try harness.pushSecond(Event(key: 1, id: 4, millis: 999), at: 999)
        #expect(harness.output == [Emitted("1 [0): [1] [2]", at: 999)])
        #expect(try harness.sideOutput(late).map(\.element) == [.second(Event(key: 1, id: 4, millis: 999))])
    }
}
