import StreamRuntime
import StreamRuntimeTesting
import Testing

/// What an operator with two inputs should put out, worked out without any thought of cost: a join keeps everything that
/// ever came.
protocol PairModel {
    /// The results of one more record, as `result@time`; `nil` when it is late.
    mutating func first(_ event: Event) -> [String]?
    mutating func second(_ event: Event) -> [String]?
    mutating func watermark(_ time: Int64) -> [String]
    /// Processing time has come to this.
    mutating func clock(_ millis: Int64) -> [String]
    /// The operator starts, or is restored; processing time is 0.
    mutating func start(parallelism: Int)
}

extension PairModel {
    mutating func clock(_ millis: Int64) -> [String] { [] }
    mutating func start(parallelism: Int) {}
}

/// Drives an operator and its model through the same random life: records and watermarks of both sides, processing time,
/// barriers, restores at another parallelism, from the newest snapshot or from an older one. With an older one what came
/// since is undone, as it is with a sink that writes in transactions, and the inputs are read again from there: each in its
/// order, not necessarily taking the same turns.
struct PairTrial<C: Chain<String>, Model: PairModel> {
    typealias Pair = PairHarness<Event, Event, String>
    private enum Item {
        case record(Event)
        case watermark(Int64)
    }
    /// What a restore goes back to.
    private struct Point {
        var snapshot: HarnessSnapshot
        var model: Model
        var reached: Int64
        /// How many items were fed before it.
        var fed: Int
    }
    let life: TrialCase
    var model: Model
    let removals: Bool
    let lateMetric: String
    let build: (HarnessStream<Event>, HarnessStream<Event>) -> Stream<C>
    private var random: SeededGenerator
    private var harness: Pair
    private var points: [Point] = []
    private var fed: [(isFirst: Bool, item: Item)] = []
    /// What the inputs have to be read again, after a restore from an older snapshot.
    private var again: (first: [Item], second: [Item]) = ([], [])
    private var watermarks: (first: Int64, second: Int64) = (.min, .min)
    private var reached = Int64.min
    private var nextID: Int64 = 0
    private var clock: Int64 = 0  // since the last restore
    private var late = 0  // since the last restore
    private var log: [String] = []

    private static var pointsMax: Int { 3 }

    init(
        _ life: TrialCase, model: Model, removals: Bool = false, lateMetric: String = "weir_join_late_records_total",
        build: @escaping (HarnessStream<Event>, HarnessStream<Event>) -> Stream<C>
    ) throws {
        self.life = life
        self.model = model
        self.removals = removals
        self.lateMetric = lateMetric
        self.build = build
        random = SeededGenerator(seed: life.seed)
        let parallelism = random.nextParallelism()
        harness = try Pair(parallelism: parallelism, backend: life.backend.make(&random), seed: life.seed, of: build)
        self.model.start(parallelism: parallelism)
    }

    mutating func run(steps: Int) async throws {
        for _ in 0..<steps {
            await Task.yield()  // tests that wait for answers need a thread now and then
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<17: try feed(isFirst: Bool.random(using: &random))
            case 17: try pass(Int64.random(in: 1...12, using: &random))
            case 18: try mark()
            default: try restore()
            }
        }
        try pass(10_000)  // whatever waits for processing time comes due
        log.append("the end")
        let rest = model.watermark(.max)
        try await harness.finish()
        try check(rest)
        try checkLate()
    }

    private mutating func feed(isFirst: Bool) throws {
        let item: Item
        if isFirst, !again.first.isEmpty {
            item = again.first.removeFirst()
        } else if !isFirst, !again.second.isEmpty {
            item = again.second.removeFirst()
        } else {
            item = fresh(isFirst: isFirst)
        }
        fed.append((isFirst, item))
        switch item {
        case .record(let event): try push(event, isFirst: isFirst)
        case .watermark(let time): try advance(to: time, isFirst: isFirst)
        }
    }

    private mutating func fresh(isFirst: Bool) -> Item {
        guard Int.random(in: 0..<19, using: &random) < 14 else { return .watermark(time(isWatermark: true)) }
        nextID += 1
        return .record(
            Event(
                key: Int64.random(in: 0..<4, using: &random), id: nextID, millis: time(),
                isRemoval: removals && !isFirst && Int.random(in: 0..<4, using: &random) == 0))
    }

    private mutating func push(_ event: Event, isFirst: Bool) throws {
        log.append("\(isFirst ? "first" : "second") \(event)")
        let expected = isFirst ? model.first(event) : model.second(event)
        if isFirst { try harness.pushFirst(event, at: event.millis) } else { try harness.pushSecond(event, at: event.millis) }
        if expected == nil { late += 1 }
        try check(expected ?? [])
    }

    private mutating func advance(to time: Int64, isFirst: Bool) throws {
        if isFirst { watermarks.first = max(watermarks.first, time) } else { watermarks.second = max(watermarks.second, time) }
        log.append("watermark \(isFirst ? "first" : "second") \(time)")
        if isFirst { try harness.watermarkFirst(time) } else { try harness.watermarkSecond(time) }
        let merged = min(watermarks.first, watermarks.second)
        guard merged > reached else { return try check([]) }
        reached = merged
        try check(model.watermark(merged))
    }

    private mutating func pass(_ millis: Int64) throws {
        clock += millis
        log.append("clock \(clock)")
        try harness.advance(by: .milliseconds(millis))
        try check(model.clock(clock))
    }

    // MARK: Barriers and restores

    private mutating func mark() throws {
        log.append("barrier")
        points.append(Point(snapshot: try harness.snapshot(), model: model, reached: reached, fed: fed.count))
        if points.count > Self.pointsMax { points.removeFirst() }
        try check([])
    }

    /// What watermarks the inputs had is forgotten; what the join had reached is not. Metrics begin anew.
    private mutating func restore() throws {
        if points.isEmpty || Bool.random(using: &random) { try mark() }
        try checkLate()
        late = 0
        let place = Int.random(in: points.indices, using: &random)
        let (point, parallelism) = (points[place], random.nextParallelism())
        points.removeSubrange((place + 1)...)
        let undone = fed[point.fed...]
        log.append("restore at \(parallelism), \(undone.count) items back")
        again.first = undone.filter(\.isFirst).map(\.item) + again.first
        again.second = undone.filter { !$0.isFirst }.map(\.item) + again.second
        fed.removeSubrange(point.fed...)
        (model, reached) = (point.model, point.reached)
        harness = try Pair(
            parallelism: parallelism, backend: life.backend.make(&random), seed: life.seed, restoring: point.snapshot,
            of: build)
        model.start(parallelism: parallelism)
        watermarks = (.min, .min)
        clock = 0
    }

    // MARK: Times

    /// Mostly near what has been reached; now and then at the ends of time. Records may be at the last moment there is; a
    /// watermark of that says that the input has ended, which is not part of a checkpoint (docs/event-time.md).
    private mutating func time(isWatermark: Bool = false) -> Int64 {
        let base = reached == .min ? 0 : max(-1 << 40, min(reached, 1 << 40))
        switch Int.random(in: 0..<40, using: &random) {
        case 0 where reached > 200: return .max - Int64.random(in: (isWatermark ? 1 : 0)...3, using: &random)
        case 1: return .min + Int64.random(in: 0...12, using: &random)
        default: return base + Int64.random(in: -12...30, using: &random)
        }
    }

    // MARK: Checks

    private mutating func check(_ expected: [String]) throws {
        let found = harness.takeOutput().map { "\($0.element)@\($0.millis)" }.sorted()
        try #require(found == expected.sorted(), "\(story)")
    }

    private func checkLate() throws { try #require(harness.metrics.sum(lateMetric) == Double(late), "\(story)") }

    private var story: String { "\(life): \(log.suffix(80).joined(separator: "; "))" }
}
