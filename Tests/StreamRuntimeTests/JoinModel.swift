import StreamRuntime
import StreamRuntimeTesting
import Testing

/// A record of either input of a join; ids tell records apart that are otherwise equal.
struct Event: Sendable, Hashable, StateCodable {
    static var stateSchema: String { "test-event" }
    var key: Int64
    var id: Int64
    var millis: Int64
    var isRemoval = false

    init(key: Int64, id: Int64, millis: Int64, isRemoval: Bool = false) {
        self.key = key
        self.id = id
        self.millis = millis
        self.isRemoval = isRemoval
    }
    func encode(into writer: inout ByteWriter) {
        writer.integer(key)
        writer.integer(id)
        writer.integer(millis)
        isRemoval.encode(into: &writer)
    }
    init(from reader: inout ByteReader) throws {
        key = try reader.integer()
        id = try reader.integer()
        millis = try reader.integer()
        isRemoval = try Bool(from: &reader)
    }
}

func pairing(_ first: Event?, _ second: Event?) -> String {
    "\(first.map { "\($0.id)" } ?? "-")+\(second.map { "\($0.id)" } ?? "-")"
}

/// What a join should put out, worked out without any thought of cost: everything that ever came is kept.
protocol JoinModel {
    /// The results of one more record, as `pairing@time`; `nil` when it is late.
    mutating func first(_ event: Event) -> [String]?
    mutating func second(_ event: Event) -> [String]?
    mutating func watermark(_ time: Int64) -> [String]
}

/// Drives a join and its model through the same random life: records and watermarks of both sides, checkpoints, restores
/// at another parallelism.
struct JoinTrial<C: Chain<String>, Model: JoinModel> {
    typealias Pair = PairHarness<Event, Event, String>
    let seed: UInt64
    var model: Model
    let removals: Bool
    let lateMetric: String
    let reachesTheEndsOfTime: Bool
    let build: (HarnessStream<Event>, HarnessStream<Event>) -> Stream<C>
    private var random: SeededGenerator
    private var harness: Pair
    private var watermarks: (first: Int64, second: Int64) = (.min, .min)
    private var reached = Int64.min
    private var nextID: Int64 = 0
    private var late = 0  // since the last restore
    private var log: [String] = []

    init(
        seed: UInt64, model: Model, removals: Bool = false, lateMetric: String = "weir_join_late_records_total",
        reachesTheEndsOfTime: Bool = true,
        build: @escaping (HarnessStream<Event>, HarnessStream<Event>) -> Stream<C>
    ) throws {
        self.seed = seed
        self.model = model
        self.removals = removals
        self.lateMetric = lateMetric
        self.reachesTheEndsOfTime = reachesTheEndsOfTime
        self.build = build
        random = SeededGenerator(seed: seed)
        harness = try Pair(parallelism: Int.random(in: 1...3, using: &random), seed: seed, of: build)
    }

    mutating func run(steps: Int) async throws {
        for _ in 0..<steps {
            await Task.yield()  // tests that wait for answers need a thread now and then
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<7: try push(isFirst: true)
            case 7..<14: try push(isFirst: false)
            case 14..<19: try advance(isFirst: Bool.random(using: &random))
            default: try restore()
            }
        }
        let rest = model.watermark(.max)
        try await harness.finish()
        check(rest, "the end")
        #expect(harness.metrics.sum(lateMetric) == Double(late), "\(story)")
    }

    private mutating func push(isFirst: Bool) throws {
        nextID += 1
        let event = Event(
            key: Int64.random(in: 0..<4, using: &random), id: nextID, millis: time(),
            isRemoval: removals && !isFirst && Int.random(in: 0..<4, using: &random) == 0)
        log.append("\(isFirst ? "first" : "second") \(event)")
        let expected = isFirst ? model.first(event) : model.second(event)
        if isFirst { try harness.pushFirst(event, at: event.millis) } else { try harness.pushSecond(event, at: event.millis) }
        if expected == nil { late += 1 }
        check(expected ?? [], "\(event)")
    }

    private mutating func advance(isFirst: Bool) throws {
        let time = time()
        if isFirst { watermarks.first = max(watermarks.first, time) } else { watermarks.second = max(watermarks.second, time) }
        log.append("watermark \(isFirst ? "first" : "second") \(time)")
        if isFirst { try harness.watermarkFirst(time) } else { try harness.watermarkSecond(time) }
        let merged = min(watermarks.first, watermarks.second)
        guard merged > reached else { return check([], "a watermark that changes nothing") }
        reached = merged
        check(model.watermark(merged), "watermark \(merged)")
    }

    /// What watermarks the inputs had is forgotten; what the join has reached is not. Metrics begin anew.
    private mutating func restore() throws {
        let snapshot = try harness.snapshot()
        #expect(harness.metrics.sum(lateMetric) == Double(late), "\(story)")
        late = 0
        let parallelism = Int.random(in: 1...3, using: &random)
        log.append("restore at \(parallelism)")
        harness = try Pair(parallelism: parallelism, seed: seed, restoring: snapshot, of: build)
        watermarks = (.min, .min)
    }

    /// Mostly near what has been reached; now and then at the ends of time.
    private mutating func time() -> Int64 {
        let base = reached == .min ? 0 : max(-1 << 40, min(reached, 1 << 40))
        switch Int.random(in: (reachesTheEndsOfTime ? 0 : 2)..<40, using: &random) {
        case 0 where reached > 200: return .max - Int64.random(in: 0...3, using: &random)
        case 1: return .min + Int64.random(in: 0...12, using: &random)
        default: return base + Int64.random(in: -12...30, using: &random)
        }
    }

    private mutating func check(_ expected: [String], _ what: String) {
        let found = harness.takeOutput().map { "\($0.element)@\($0.millis)" }.sorted()
        #expect(found == expected.sorted(), "after \(what)\n\(story)")
    }

    private var story: String { "seed \(seed): \(log.suffix(60).joined(separator: "; "))" }
}

/// Every pair of accepted records within reach; what stayed alone, once no partner can come.
struct IntervalModel: JoinModel {
    let lower: Int64
    let upper: Int64
    let keepsFirst: Bool
    let keepsSecond: Bool
    private var firsts: [Event] = []
    private var seconds: [Event] = []
    private var settledFirsts: Set<Int64> = []
    private var settledSeconds: Set<Int64> = []
    private var reached = Int64.min

    init(lower: Int64, upper: Int64, keepsFirst: Bool, keepsSecond: Bool) {
        self.lower = lower
        self.upper = upper
        self.keepsFirst = keepsFirst
        self.keepsSecond = keepsSecond
    }

    private func areJoined(_ first: Event, _ second: Event) -> Bool {
        let distance = Int128(second.millis) - Int128(first.millis)
        return first.key == second.key && distance >= Int128(lower) && distance <= Int128(upper)
    }

    mutating func first(_ event: Event) -> [String]? {
        guard event.millis > reached else { return nil }
        firsts.append(event)
        let partners = seconds.filter { areJoined(event, $0) }
        for partner in partners { settledSeconds.insert(partner.id) }
        if !partners.isEmpty { settledFirsts.insert(event.id) }
        return partners.map { "\(pairing(event, $0))@\(max(event.millis, $0.millis))" } + alone()
    }

    mutating func second(_ event: Event) -> [String]? {
        guard event.millis > reached else { return nil }
        seconds.append(event)
        let partners = firsts.filter { areJoined($0, event) }
        for partner in partners { settledFirsts.insert(partner.id) }
        if !partners.isEmpty { settledSeconds.insert(event.id) }
        return partners.map { "\(pairing($0, event))@\(max(event.millis, $0.millis))" } + alone()
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        return alone()
    }

    /// The last time at which a partner could come, as far as time goes.
    private func end(_ event: Event, _ hold: Int64) -> Int64 {
        Int64(clamping: Int128(event.millis) + Int128(hold))
    }

    private mutating func alone() -> [String] {
        var results: [String] = []
        for event in firsts where keepsFirst && end(event, upper) <= reached && settledFirsts.insert(event.id).inserted {
            results.append("\(pairing(event, nil))@\(max(event.millis, end(event, upper)))")
        }
        for event in seconds where keepsSecond && end(event, -lower) <= reached && settledSeconds.insert(event.id).inserted {
            results.append("\(pairing(nil, event))@\(max(event.millis, end(event, -lower)))")
        }
        return results
    }
}

/// Each record with the latest version that is not after it, of all that have come.
struct TemporalModel: JoinModel {
    let keepsFirst: Bool
    private var waiting: [Event] = []
    private var versions: [Event] = []
    private var reached = Int64.min

    init(keepsFirst: Bool) { self.keepsFirst = keepsFirst }

    mutating func first(_ event: Event) -> [String]? {
        guard event.millis > reached else { return nil }
        waiting.append(event)
        return []
    }

    mutating func second(_ event: Event) -> [String]? {
        if event.millis <= reached, let valid = valid(event.key, at: reached), valid.millis > event.millis { return nil }
        versions.append(event)
        forgetRemoved(event.key)
        return []
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        let due = waiting.filter { $0.millis <= time }
        waiting.removeAll { $0.millis <= time }
        let results = due.compactMap { event -> String? in
            let version = valid(event.key, at: event.millis).flatMap { $0.isRemoval ? nil : $0 }
            return version == nil && !keepsFirst ? nil : "\(pairing(event, version))@\(event.millis)"
        }
        for key in Set(versions.map(\.key)) { forgetRemoved(key) }
        return results
    }

    private func valid(_ key: Int64, at time: Int64) -> Event? {
        versions.filter { $0.key == key && $0.millis <= time }.max { ($0.millis, $0.id) < ($1.millis, $1.id) }
    }

    /// A removal that the watermark has passed is forgotten with all before it.
    private mutating func forgetRemoved(_ key: Int64) {
        guard let last = valid(key, at: reached), last.isRemoval else { return }
        versions.removeAll { $0.key == key && $0.millis <= reached }
    }
}
