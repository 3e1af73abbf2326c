import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Every accepted record in the windows it belongs to; pairs, as a window ends. In exact arithmetic; what would reach beyond
/// the ends of time is cut there, as docs/windows.md says.
struct WindowJoinModel: PairModel {
    enum Kind {
        case grid(size: Int64, slide: Int64)
        case session(gap: Int64)
    }
    private struct Open {
        var key: Int64
        var window: TimeWindow
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
            let containing = Self.windows(containing: event.millis, size: size, slide: slide)
            let live = containing.filter { $0.last > reached }
            for window in live {
                if !open.contains(where: { $0.key == event.key && $0.window == window }) {
                    open.append(Open(key: event.key, window: window))
                }
                for index in open.indices where open[index].key == event.key && open[index].window == window { put(&open[index]) }
            }
            return live.isEmpty && !containing.isEmpty ? nil : []
        case .session(let gap):
            var session = Open(key: event.key, window: Self.window(Int128(event.millis), size: gap))
            let own = session.window
            let touching = open.filter { $0.key == event.key && $0.window.start <= own.end && own.start <= $0.window.end }
            if touching.isEmpty, own.last <= reached { return nil }
            for other in touching {
                session.window.start = min(session.window.start, other.window.start)
                session.window.end = max(session.window.end, other.window.end)
                session.firsts += other.firsts
                session.seconds += other.seconds
            }
            put(&session)
            open.removeAll { other in touching.contains { $0.key == other.key && $0.window == other.window } }
            open.append(session)
            return []
        }
    }

    /// Those of the grid around `time`, latest first. Of those that begin before the beginning of time there is one.
    private static func windows(containing time: Int64, size: Int64, slide: Int64) -> [TimeWindow] {
        let rest = Int128(time) % Int128(slide)
        var start = Int128(time) - (rest < 0 ? rest + Int128(slide) : rest)
        var windows: [TimeWindow] = []
        while start + Int128(size) > Int128(time), windows.last?.start != .min {
            windows.append(window(start, size: size))
            start -= Int128(slide)
        }
        return windows
    }

    private static func window(_ start: Int128, size: Int64) -> TimeWindow {
        TimeWindow(start: Int64(clamping: start), end: Int64(clamping: start + Int128(size)))
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        let over = open.filter { $0.window.last <= time }
        open.removeAll { $0.window.last <= time }
        return over.flatMap { window -> [String] in
            var results = window.firsts.flatMap { first in window.seconds.map { pairing(first, $0) } }
            if keepsFirst, window.seconds.isEmpty { results += window.firsts.map { pairing($0, nil) } }
            if keepsSecond, window.firsts.isEmpty { results += window.seconds.map { pairing(nil, $0) } }
            return results.map { "\($0)@\(window.window.last)" }
        }
    }
}

@Suite struct WindowJoinTests {
    typealias Input = HarnessStream<Event>

    static let kinds: [(WindowAssigner, WindowJoinModel.Kind)] = [
        (.tumbling(.milliseconds(10)), .grid(size: 10, slide: 10)),
        (.sliding(.milliseconds(12), every: .milliseconds(5)), .grid(size: 12, slide: 5)),
        (.session(gap: .milliseconds(4)), .session(gap: 4)),
        (.sliding(.milliseconds(6), every: .milliseconds(8)), .grid(size: 6, slide: 8)),
    ]

    @Test(arguments: TrialCase.some(heap: 12, rocksdb: 3)) func windowJoinsAreWhatANaiveOneIs(_ life: TrialCase) async throws {
        let (assigner, kind) = life.pick(Self.kinds)
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
