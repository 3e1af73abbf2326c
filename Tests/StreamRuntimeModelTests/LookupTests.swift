import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import Testing

/// What the lookup asks: a value for some keys. While it is closed it keeps whoever asks waiting.
private final class Shelf: Sendable {
    private struct State {
        var isOpen = true
        var values: [Int64: Int64] = [:]
    }
    private let state = Mutex(State())

    func find(_ key: Int64) async throws -> Int64? {
        while !state.withLock({ $0.isOpen }) { try await Task.sleep(for: .microseconds(200)) }
        return state.withLock { $0.values[key] }
    }
    func put(_ value: Int64?, for key: Int64) { state.withLock { $0.values[key] = value } }
    func setOpen(_ isOpen: Bool) { state.withLock { $0.isOpen = isOpen } }
}

private struct Answer {
    var event: Event
    var value: Int64?
}

/// A lookup through a random life: values that change, a cache that holds little, requests in flight at barriers, restores
/// at another parallelism from the newest snapshot and from older ones. Each record gets one answer, with its own time, that
/// the shelf could have given: a value it had since the lookup was started, and not longer ago than the cache keeps one.
private struct LookupTrial {
    typealias Harness = OperatorHarness<Event, Answer>
    struct Point {
        var snapshot: HarnessSnapshot
        var pending: [Int64: Event]
        var fed: Int
    }
    let life: TrialCase
    let cache: LookupCache
    let order: AsyncOrder
    let shelf = Shelf()
    var random: SeededGenerator
    var harness: Harness
    var points: [Point] = []
    var fed: [Event] = []
    /// Those that have no answer yet, by their ids.
    var pending: [Int64: Event] = [:]
    var isOpen = true
    var step = 0
    /// What the shelf had from which step on.
    var history: [Int64: [(step: Int, value: Int64?)]] = [:]
    /// Processing time, from which step on, since the last restore.
    var moments: [(step: Int, clock: Int64)] = [(0, 0)]
    var log: [String] = []

    init(_ life: TrialCase) throws {
        self.life = life
        random = SeededGenerator(seed: life.seed)
        cache = LookupCache(
            maxEntries: Int.random(in: 0...3, using: &random), ttl: .milliseconds(Int64.random(in: 1...10, using: &random)),
            missingTTL: .milliseconds(Int64.random(in: 1...10, using: &random)))
        order = Bool.random(using: &random) ? .ordered : .unordered
        harness = try Self.harness(shelf, cache, order, life, &random, nil)
    }

    static func harness(
        _ shelf: Shelf, _ cache: LookupCache, _ order: AsyncOrder, _ life: TrialCase, _ random: inout SeededGenerator,
        _ snapshot: HarnessSnapshot?
    ) throws -> Harness {
        let parallelism = random.nextParallelism()
        return try Harness(
            parallelism: parallelism, backend: life.backend.make(&random), seed: life.seed, restoring: snapshot
        ) { events in
            events.partitioned { Int($0.key) % $1 }
                .lookup(by: \.key, order, cache: cache) {
                    try await shelf.find($0)
                } join: {
                    Answer(event: $0, value: $1)
                }
        }
    }

    mutating func run(steps: Int) async throws {
        for _ in 0..<steps {
            await Task.yield()
            step += 1
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9: try pushNew()
            case 9..<13: change()
            case 13, 14: try await pass(Int64.random(in: 1...6, using: &random))
            case 15: try await close()
            case 16: try await settle()
            case 17: try await mark()
            default: try await restore()
            }
            try check()
        }
        shelf.setOpen(true)
        log.append("the end")
        try await harness.finish()
        try check()
        try #require(pending.isEmpty, "without an answer: \(pending.keys.sorted()); \(story)")
    }

    // MARK: Steps

    private mutating func pushNew() throws {
        let time = Int64.random(in: -50...50, using: &random)
        try push(Event(key: Int64.random(in: 0..<6, using: &random), id: Int64(step), millis: time))
    }

    private mutating func push(_ event: Event) throws {
        log.append("\(event.id) of \(event.key)")
        pending[event.id] = event
        fed.append(event)
        try harness.push(event, at: event.millis)
    }

    private mutating func change() {
        let key = Int64.random(in: 0..<6, using: &random)
        let value: Int64? = Int.random(in: 0..<4, using: &random) == 0 ? nil : Int64(step)
        log.append("key \(key) has \(value.map { "\($0)" } ?? "nothing")")
        history[key, default: []].append((step, value))
        shelf.put(value, for: key)
    }

    /// Time passes only while nothing is in flight: so the age of what the cache keeps is known.
    private mutating func pass(_ millis: Int64) async throws {
        try await settle()
        try harness.advance(by: .milliseconds(millis))
        moments.append((step, clock + millis))
        log.append("clock \(clock)")
    }

    /// What is asked from here on waits.
    private mutating func close() async throws {
        try await settle()
        log.append("closed")
        isOpen = false
        shelf.setOpen(false)
    }

    private mutating func settle() async throws {
        log.append("settled")
        isOpen = true
        shelf.setOpen(true)
        try await harness.settle()
        try check()
        try #require(pending.isEmpty, "without an answer: \(pending.keys.sorted()); \(story)")
    }

    /// With nothing in flight, or with what waits at the closed shelf: what is answered before the barrier, and what after it,
    /// is no matter of chance.
    private mutating func mark() async throws {
        if isOpen { try await settle() }
        log.append("barrier with \(pending.count) in flight")
        points.append(Point(snapshot: try harness.snapshot(), pending: pending, fed: fed.count))
        if points.count > 3 { points.removeFirst() }
    }

    /// The records since the snapshot are read again.
    private mutating func restore() async throws {
        if points.isEmpty || Bool.random(using: &random) { try await mark() }
        try check()
        let place = Int.random(in: points.indices, using: &random)
        let point = points[place]
        points.removeSubrange((place + 1)...)
        let undone = Array(fed[point.fed...])
        fed.removeSubrange(point.fed...)
        pending = point.pending
        moments = [(step, 0)]
        log.append("restore with \(pending.count) in flight, \(undone.count) records back")
        harness = try Self.harness(shelf, cache, order, life, &random, point.snapshot)
        for event in undone { try push(event) }
    }

    // MARK: Checks

    private var clock: Int64 { moments[moments.count - 1].clock }

    private mutating func check() throws {
        for result in harness.takeOutput() {
            let (event, value) = (result.element.event, result.element.value)
            let asked = pending.removeValue(forKey: event.id)
            try #require(asked == event, "\(event) has an answer already; \(story)")
            try #require(result.millis == event.millis, "\(event) has another time; \(story)")
            let keptMillis = value == nil ? cache.missingTTLMillis : cache.ttlMillis
            try #require(
                possible(event.key, keptFor: keptMillis).contains(value),
                "\(event) cannot be answered with \(value.map { "\($0)" } ?? "nothing"), \(cache); \(story)")
        }
    }

    /// What the shelf had since the clock showed a moment from which an answer may still be used.
    private func possible(_ key: Int64, keptFor millis: Int64) -> [Int64?] {
        let least = min(clock, clock - millis + 1)
        let since = moments.first { $0.clock >= least }?.step ?? step
        let changes = history[key] ?? []
        let atFirst = changes.last { $0.step <= since }?.value
        return [atFirst] + changes.filter { $0.step > since }.map(\.value)
    }

    private var story: String { "\(life), \(order): \(log.suffix(60).joined(separator: "; "))" }
}

@Suite struct LookupTests {
    @Test(arguments: TrialCase.some(heap: 10, rocksdb: 0))
    func eachRecordGetsAnAnswerThatTheLookupCouldHaveGiven(_ life: TrialCase) async throws {
        var trial = try LookupTrial(life)
        try await trial.run(steps: 200)
    }
}
