import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import TestKit
import Testing

/// Answers when it is told to; counts what it is asked.
final class Desk: Sendable {
    struct Busy: Error {}
    private struct State {
        var asked: [Int64: Int] = [:]
        var failuresLeft: [Int64: Int] = [:]
        var silent: Set<Int64> = []
    }
    private let state = Mutex(State())

    func fail(_ number: Int64, times: Int) { state.withLock { $0.failuresLeft[number] = times } }
    func silence(_ numbers: Int64...) { state.withLock { $0.silent.formUnion(numbers) } }
    func speak() { state.withLock { $0.silent = [] } }
    func asked(_ number: Int64) -> Int { state.withLock { $0.asked[number] ?? 0 } }
    var askedInAll: Int { state.withLock { $0.asked.values.reduce(0, +) } }

    func answer(_ number: Int64) async throws -> Int64 {
        let (isSilent, isBusy) = state.withLock { state in
            state.asked[number, default: 0] += 1
            let left = state.failuresLeft[number] ?? 0
            state.failuresLeft[number] = max(0, left - 1)
            return (state.silent.contains(number), left > 0)
        }
        if isSilent { try await Task.sleep(for: .seconds(3600)) }
        if isBusy { throw Busy() }
        for _ in 0..<(number % 4) { await Task.yield() }
        return number * 10
    }
}

struct AsyncMapJob: StreamJob {
    static let name = "async-map"
    let sink: CollectSink<Int64>
    let desk: Desk
    let crashes: CrashPoints
    let order: AsyncOrder

    func build(_ flow: Flow) {
        let (desk, crashes) = (desk, crashes)
        flow.source(GeneratorSource(count: 4000, splits: 2) { $0 })
            .asyncMap(order, AsyncOptions(capacity: 50), failures: .retry(upTo: 3, Backoff(initialMillis: 1, maxMillis: 2))) {
                try await desk.answer($0)
            }
            .map { number in
                try crashes.pass(number / 10)
                return number
            }
            .sink(sink)
    }
}

@Suite struct AsyncMapTests {
    typealias Numbers = OperatorHarness<Int64, Int64>

    /// Counts those that are in memory.
    private final class Ticket: StateCodable, Sendable {
        static let alive = Atomic<Int>(0)
        static var stateSchema: String { "test-ticket" }
        let number: Int64

        init(_ number: Int64) {
            self.number = number
            Ticket.alive.add(1, ordering: .relaxed)
        }
        convenience init(from reader: inout ByteReader) throws { self.init(try reader.integer()) }
        deinit { Ticket.alive.subtract(1, ordering: .relaxed) }
        func encode(into writer: inout ByteWriter) { writer.integer(number) }
    }

    private final class Tally: Sendable {
        let count = Atomic<Int>(0)
    }

    /// They stood behind it, each with its input, until it was answered or timed out.
    @Test func whileOneRequestWaitsThoseAnsweredSinceAreForgotten() async throws {
        let (gate, answered, numbers) = (Gate(), Tally(), TestSource<Int64>())
        let test = try JobTest { flow in
            flow.source(numbers).map { Ticket($0) }
                .asyncMap(.unordered) { ticket in
                    if ticket.number == 0 { await gate.pass() }
                    return ticket.number
                }
                .sink(ForEachSink { (_: Int64) in answered.count.add(1, ordering: .relaxed) })
        }
        numbers.push(contentsOf: Int64(0)..<20_000)
        for _ in 0..<60_000 where answered.count.load(ordering: .relaxed) < 19_999 {
            try test.run()
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(answered.count.load(ordering: .relaxed) == 19_999)
        #expect(Ticket.alive.load(ordering: .relaxed) < 10_000)
        gate.open()
        try await test.settle()
    }

    @Test(arguments: [AsyncOrder.ordered, .unordered], [1, 2])
    func nothingIsLostOrDoubledByFailuresAndCrashes(_ order: AsyncOrder, _ parallelism: Int) async throws {
        let folder = TemporaryFolder()
        let (sink, desk) = (CollectSink<Int64>(), Desk())
        for number in stride(from: Int64(0), to: 4000, by: 37) { desk.fail(number, times: 2) }
        var options = testOptions(folder, parallelism: parallelism, intervalMillis: 5)
        options.restart = .exponential(initialMillis: 1, maxMillis: 2)
        let crashes = CrashPoints([70, 900, 901, 2500, 3999])
        try await JobRunner(
            AsyncMapJob(sink: sink, desk: desk, crashes: crashes, order: order), options: options,
            environment: JobEnvironment()
        ).run()
        #expect(crashes.remaining == 0)
        #expect(sink.elements.sorted() == (0..<4000).map { $0 * 10 })
        if case .ordered = order, parallelism == 1 {
            for part in 0..<Int64(2) {
                let results = sink.elements.filter { $0 / 10 % 2 == part }
                #expect(results == results.sorted())
            }
        }
    }

    @Test func resultsKeepTheirTimeAndWatermarksTheirPlace() async throws {
        let desk = Desk()
        for order in [AsyncOrder.ordered, .unordered] {
            desk.silence(1, 2, 3)  // all of them in flight at the snapshot
            let harness = try Numbers { $0.asyncMap(order) { try await desk.answer($0) } }
            try harness.push(1, at: 100)
            try harness.push(2, at: 90)
            try harness.watermark(120)
            try harness.push(3, at: 130)
            #expect(harness.outputWatermark == .min, "records before the watermark are in flight")
            let snapshot = try harness.snapshot()
            desk.speak()
            let restored = try Numbers(restoring: snapshot) { $0.asyncMap(order) { try await desk.answer($0) } }
            try restored.watermark(125)
            try await restored.settle()
            #expect(restored.outputWatermark == 125)
            let expected: [Emitted<Int64>] = [Emitted(10, at: 100), Emitted(20, at: 90), Emitted(30, at: 130)]
            #expect(restored.output.sorted { $0.element < $1.element } == expected)
            if case .ordered = order { #expect(restored.output == expected) }
        }
    }

    @Test func atCapacityNoMoreIsTaken() throws {
        let desk = Desk()
        desk.silence(0, 1, 2, 3, 4, 5, 6, 7)
        let harness = try Numbers { $0.asyncMap(.ordered, AsyncOptions(capacity: 3)) { try await desk.answer($0) } }
        for number in Int64(0)..<8 { try harness.push(number) }
        #expect(harness.metrics.sum("weir_async_in_flight") == 3)
    }

    @Test func aRequestThatTakesTooLongHasAFallback() async throws {
        let desk = Desk()
        desk.silence(7)
        let harness = try Numbers {
            $0.asyncMap(.ordered, AsyncOptions(timeout: .seconds(2)), onTimeout: { -$0 }) { try await desk.answer($0) }
        }
        try harness.push(7, at: 5)
        try harness.advance(by: .milliseconds(1999))
        #expect(harness.output == [])
        try harness.advance(by: .milliseconds(2))
        try harness.push(8, at: 6)
        try await harness.settle()
        #expect(harness.output == [Emitted(-7, at: 5), Emitted(80, at: 6)])
        #expect(harness.metrics.sum("weir_async_timeouts_total") == 1)
    }

    /// The system was waited for, and then answered that it will not: the job is not paused for its sake any more.
    @Test func aRefusalAfterAnOutageEndsThePause() async throws {
        struct Refused: Error {}
        let isBusy = Mutex(true)
        let harness = try Numbers {
            $0.lookup(by: { $0 }, failures: .waitOut("desk shut") { $0 is Desk.Busy }, onFailure: { _, _ in -1 }) { _ -> Int64? in
                if isBusy.withLock({ $0 }) { throw Desk.Busy() }
                throw Refused()
            } join: {
                $1 ?? 0
            }
        }
        try harness.push(7)
        try await harness.settle()
        #expect(harness.pauseReasons.count == 1)
        isBusy.withLock { $0 = false }
        try harness.advance(by: .seconds(1))  // longer than the first pause, shorter than a request may take
        try await harness.settle()
        #expect(harness.takeElements() == [-1])
        #expect(harness.pauseReasons.isEmpty)
    }

    /// The system was waited for, and then did not answer at all: with the last request that is given up on nobody waits for it.
    @Test func aRequestGivenUpOnAfterAnOutageEndsThePause() async throws {
        let requests = Mutex(0)
        let harness = try Numbers {
            $0.lookup(by: { $0 }, failures: .waitOut("desk shut") { $0 is Desk.Busy }, onFailure: { _, _ in -1 }) { _ -> Int64? in
                let isFirst = requests.withLock { count in
                    count += 1
                    return count == 1
                }
                if isFirst { throw Desk.Busy() }
                try await Task.sleep(for: .seconds(3600))  // until it is cancelled
                return nil
            } join: {
                $1 ?? 0
            }
        }
        try harness.push(7)
        try await harness.settle()
        #expect(harness.pauseReasons.count == 1)
        try harness.advance(by: .seconds(60))
        try await harness.settle()
        #expect(harness.takeElements() == [-1])
        #expect(harness.pauseReasons.isEmpty)
    }

    @Test func whatIsGivenUpOnFailsTheAttempt() async throws {
        let desk = Desk()
        desk.fail(1, times: 2)
        desk.fail(2, times: 3)
        let harness = try Numbers {
            $0.asyncMap(failures: .retry(upTo: 3, Backoff(initialMillis: 1, maxMillis: 1)) { $0 is Desk.Busy }) {
                try await desk.answer($0)
            }
        }
        func settleRetries() async throws {
            for _ in 0..<3 {
                try await harness.settle()
                try harness.advance(by: .milliseconds(2))
            }
            try await harness.settle()
        }
        try harness.push(1)
        try await settleRetries()
        #expect(harness.takeElements() == [10])
        #expect(desk.asked(1) == 3)
        await #expect(throws: (any Error).self) {
            try harness.push(2)
            try await settleRetries()
        }
    }
}

@Suite struct LookupTests {
    typealias Numbers = OperatorHarness<Int64, String>

    private static func lookup(_ desk: Desk, _ cache: LookupCache) throws -> Numbers {
        try Numbers {
            $0.lookup(by: { $0 % 100 }, cache: cache) { key in
                key == 99 ? nil : try await desk.answer(key)
            } join: { number, value in
                "\(number)=\(value.map(String.init) ?? "none")"
            }
        }
    }

    @Test func recordsThatNeedTheSameKeyAskOnceAndThenNotAtAll() async throws {
        let desk = Desk()
        let harness = try Self.lookup(desk, LookupCache(maxEntries: 10, ttl: .seconds(5), missingTTL: .seconds(1)))
        for number in stride(from: Int64(3), to: 1000, by: 100) { try harness.push(number) }
        try await harness.settle()
        #expect(harness.takeElements() == (0..<10).map { "\($0 * 100 + 3)=30" })
        #expect(desk.asked(3) == 1)
        // Those that came before the answer waited for it, later ones found it.
        let hits = harness.metrics.sum("weir_lookup_cache_hits_total")
        try harness.advance(by: .milliseconds(4999))
        try harness.push(1003)
        #expect(harness.takeElements() == ["1003=30"], "at once, from the cache")
        try harness.advance(by: .milliseconds(1))
        try harness.push(1103)
        try await harness.settle()
        #expect(desk.asked(3) == 2)
        #expect(harness.metrics.sum("weir_lookup_cache_hits_total") == hits + 1)
    }

    @Test func thatThereIsNoValueIsKeptForATimeOfItsOwn() async throws {
        let calls = Desk()
        let harness = try Numbers {
            $0.lookup(by: { $0 }, cache: LookupCache(ttl: .seconds(5), missingTTL: .seconds(1))) { key -> Int64? in
                _ = try await calls.answer(key)
                return nil
            } join: {
                "\($0)=\($1 ?? -1)"
            }
        }
        for _ in 0..<3 {
            try harness.push(1)
            try await harness.settle()
        }
        #expect(calls.askedInAll == 1)
        try harness.advance(by: .seconds(1))
        try harness.push(1)
        try await harness.settle()
        #expect(calls.askedInAll == 2)
        #expect(harness.elements == Array(repeating: "1=-1", count: 4))
    }

    @Test func enrichmentFallsBackWhereThereIsNothingOrNobody() async throws {
        let desk = Desk()
        desk.fail(1, times: 1)
        let harness = try Numbers {
            $0.enriched(by: { $0 }, fallback: Int64(0)) {
                $0 == 2 ? nil : try await desk.answer($0)
            } join: {
                "\($0)=\($1)"
            }
        }
        for number in Int64(1)...3 { try harness.push(number) }
        try await harness.settle()
        #expect(harness.takeElements() == ["1=0", "2=0", "3=30"])
        try harness.push(1)
        try await harness.settle()
        #expect(harness.elements == ["1=10"], "a failure is not kept")
    }

    /// Against a list in order of use.
    @Test(arguments: UInt64(1)...50) func theCacheIsBoundedAndForgetsTheLeastRecentlyUsed(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bound = Int.random(in: 0...6, using: &random)
        var cache = AnswerCache<Int, Int>(
            LookupCache(maxEntries: bound, ttl: .milliseconds(50), missingTTL: .milliseconds(20)))
        var model: [(key: Int, value: Int?, expires: Int64)] = []  // the most recently used last
        var now: Int64 = 0
        for _ in 0..<400 {
            now += Int64.random(in: 0...4, using: &random)
            let key = Int.random(in: 0..<9, using: &random)
            let place = model.firstIndex { $0.key == key }
            if Bool.random(using: &random) {
                let value = Bool.random(using: &random) ? Int.random(in: 0...9, using: &random) : nil
                cache.set(key, value, nowMillis: now)
                if let place { model.remove(at: place) }
                model.append((key, value, now + (value == nil ? 20 : 50)))
                if model.count > bound { model.removeFirst() }
            } else if let place, now < model[place].expires {
                #expect(cache.get(key, nowMillis: now) == .some(model[place].value), "seed \(seed)")
                model.append(model.remove(at: place))
            } else {
                #expect(cache.get(key, nowMillis: now) == nil, "seed \(seed)")
            }
            #expect(cache.count == model.count)
        }
    }

    /// A hundred timers are due with one watermark, and what is behind them bears four requests.
    @Test func timersWaitForAnAsynchronousOperatorThatIsFull() async throws {
        let most = Mutex((now: 0, most: 0))
        let harness = try OperatorHarness { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 % 10 }).process { Alarm($0) { _ in } }
                .asyncMap(.ordered, AsyncOptions(capacity: 4)) { text in
                    most.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                    for _ in 0..<10 { await Task.yield() }
                    most.withLock { $0.now -= 1 }
                    return text
                }
        }
        for number in Int64(1)...100 { try harness.push(number, at: number) }
        try harness.watermark(100)
        try await harness.settle()
        #expect(harness.elements == (1...100).map { "\($0)" })
        #expect(most.withLock { $0.most } <= 4)
        #expect(harness.outputWatermark == 100)
    }
}
