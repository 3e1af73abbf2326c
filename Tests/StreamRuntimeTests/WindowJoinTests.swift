import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Every accepted record in the windows it belongs to; pairs, as a window ends.
struct WindowJoinModel: JoinModel {
    enum Kind {
        case grid(size: Int64, slide: Int64)
        case session(gap: Int64)
    }
    private struct Open {
        var key: Int64
        var start: Int64
        var end: Int64
        var firsts: [Event] = []
        var seconds: [Event] = []
    }
    let kind: Kind
    let keepsFirst: Bool
    let keepsSecond: Bool
    private var open: [Open] = []
    private var reached = Int64.min

    init(_ kind: Kind, keepsFirst: Bool, keepsSecond: Bool) {
        self.kind = kind
        self.keepsFirst = keepsFirst
        self.keepsSecond = keepsSecond
    }

    mutating func first(_ event: Event) -> [String]? { add(event) { $0.firsts.append(event) } }
    mutating func second(_ event: Event) -> [String]? { add(event) { $0.seconds.append(event) } }

    private mutating func add(_ event: Event, _ put: (inout Open) -> Void) -> [String]? {
        switch kind {
        case .grid(let size, let slide):
            let latest = event.millis - ((event.millis % slide) + slide) % slide
            let starts = stride(from: latest, to: event.millis - size, by: -Int(slide)).filter { $0 + size - 1 > reached }
            for start in starts {
                if !open.contains(where: { $0.key == event.key && $0.start == start }) {
                    open.append(Open(key: event.key, start: start, end: start + size))
                }
                for index in open.indices where open[index].key == event.key && open[index].start == start { put(&open[index]) }
            }
            return starts.isEmpty ? nil : []
        case .session(let gap):
            var session = Open(key: event.key, start: event.millis, end: event.millis + gap)
            let touching = open.filter { $0.key == event.key && $0.start <= session.end && session.start <= $0.end }
            for other in touching {
                session.start = min(session.start, other.start)
                session.end = max(session.end, other.end)
                session.firsts += other.firsts
                session.seconds += other.seconds
            }
            guard session.end - 1 > reached else { return nil }
            put(&session)
            open.removeAll { other in touching.contains { $0.key == other.key && $0.start == other.start } }
            open.append(session)
            return []
        }
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        let over = open.filter { $0.end - 1 <= time }
        open.removeAll { $0.end - 1 <= time }
        return over.flatMap { window -> [String] in
            var results = window.firsts.flatMap { first in window.seconds.map { pairing(first, $0) } }
            if keepsFirst, window.seconds.isEmpty { results += window.firsts.map { pairing($0, nil) } }
            if keepsSecond, window.firsts.isEmpty { results += window.seconds.map { pairing(nil, $0) } }
            return results.map { "\($0)@\(window.end - 1)" }
        }
    }
}

@Suite struct WindowJoinTests {
    static let kinds: [(WindowAssigner, WindowJoinModel.Kind)] = [
        (.tumbling(.milliseconds(10)), .grid(size: 10, slide: 10)),
        (.sliding(.milliseconds(12), every: .milliseconds(5)), .grid(size: 12, slide: 5)),
        (.session(gap: .milliseconds(4)), .session(gap: 4)),
    ]

    @Test(arguments: UInt64(1)...12) func windowJoinsAreWhatANaiveOneIs(_ seed: UInt64) async throws {
        let (assigner, kind) = Self.kinds[Int(seed) % Self.kinds.count]
        func join(_ first: HarnessStream<Event>, _ second: HarnessStream<Event>)
            -> WindowJoin<HarnessInput<Event>, HarnessInput<Event>, Int64>
        {
            first.keyed(by: \.key).joined(with: second.keyed(by: \.key)).windowJoin(assigner)
        }
        func trial<C: Chain<String>>(
            _ keepsFirst: Bool, _ keepsSecond: Bool,
            _ build: @escaping (HarnessStream<Event>, HarnessStream<Event>) -> Stream<C>
        ) async throws {
            var trial = try JoinTrial(
                seed: seed, model: WindowJoinModel(kind, keepsFirst: keepsFirst, keepsSecond: keepsSecond),
                lateMetric: "weir_window_late_records_total", reachesTheEndsOfTime: false, build: build)
            try await trial.run(steps: 100)
        }
        try await trial(false, false) { join($0, $1).inner { pairing($0, $1) } }
        try await trial(true, false) { join($0, $1).left { pairing($0, $1) } }
        try await trial(false, true) { join($0, $1).right { pairing($0, $1) } }
        try await trial(true, true) { join($0, $1).full { pairing($0, $1) } }
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
