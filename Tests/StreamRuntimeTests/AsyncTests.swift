import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import TestKit
import Testing

/// An outside system that fails now and then, answers in any order, and remembers every effect by id.
actor Ledger {
    struct Down: Error {}
    private var effects: [Int64: Int] = [:]
    private var calls = 0
    private(set) var order: [Int64: [Int64]] = [:]

    func apply(_ number: Int64, failEvery: Int) async throws -> Int {
        calls += 1
        if calls % failEvery == 0 { throw Down() }
        for _ in 0..<(number % 5) { await Task.yield() }
        if effects[number] == nil { order[number % 7, default: []].append(number) }
        effects[number, default: 0] += 1
        return Int(number % 7)
    }

    var count: Int { effects.count }

    nonisolated let gate = Gate()
}

/// Lets nobody pass before it is opened.
final class Gate: Sendable {
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]?>([])

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = waiting.withLock { waiting in
                waiting?.append(continuation)
                return waiting == nil
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let released = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting ?? []
        }
        for continuation in released { continuation.resume() }
    }
}

struct AskLedger: KeyedAsyncFunction {
    typealias Input = Int64
    typealias Output = String
    let ledger: Ledger
    let failEvery: Int
    let verdictIsOutage: Bool
    let gate: Gate?
    let seen: ValueState<Int64, Int>

    init(
        _ state: KeyedStateContext<Int64>, ledger: Ledger, failEvery: Int, verdictIsOutage: Bool = false, gate: Gate? = nil
    ) throws {
        self.gate = gate
        self.ledger = ledger
        self.failEvery = failEvery
        self.verdictIsOutage = verdictIsOutage
        seen = try state.value("seen", Int.self)
    }

    mutating func request(_ input: Int64, key: Int64) -> Int64 { input }

    var perform: @Sendable (Int64) async throws -> Int {
        let ledger = ledger
        let failEvery = failEvery
        let gate = gate
        return {
            await gate?.pass()
            return try await ledger.apply($0, failEvery: failEvery)
        }
    }

    mutating func complete<Out: Collector>(_ input: Int64, key: Int64, _ response: Int, into out: inout Out) throws
    where Out.Element == String {
        seen[key, default: 0] += 1
        try out.collect("\(key):\(seen[key] ?? 0):\(input)")
    }

    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
        verdictIsOutage ? .waitOut(reason: "ledger down", retryAfterMillis: 1) : .retry(afterMillis: 1)
    }
}

struct AskingJob: StreamJob {
    static let name = "asking"
    let sink: CollectSink<String>
    let ledger: Ledger
    let crashes: CrashPoints
    let count: Int64
    var failEvery = 13
    var verdictIsOutage = false

    func build(_ flow: Flow) {
        let (ledger, crashes, failEvery, outage) = (ledger, crashes, failEvery, verdictIsOutage)
        flow.source(GeneratorSource(count: count, splits: 1) { $0 })
            .parallelism(1)
            .keyed(by: { $0 % 7 })
            .asyncProcess(AsyncOptions(capacity: 64)) {
                try AskLedger($0, ledger: ledger, failEvery: failEvery, verdictIsOutage: outage)
            }
            .map { line in
                try crashes.pass(Int64(line.split(separator: ":")[2]) ?? -1)
                return line
            }
            .sink(sink)
    }
}

@Suite struct AsyncTests {
    private func check(_ lines: [String], _ count: Int64) {
        var perKey: [Substring: [Int64]] = [:]
        for line in lines {
            let parts = line.split(separator: ":")
            perKey[parts[0], default: []].append(Int64(parts[2]) ?? -1)
        }
        #expect(lines.count == Int(count))
        for (key, numbers) in perKey {
            #expect(numbers == numbers.sorted(), "order of key \(key)")
            #expect(Set(numbers).count == numbers.count)
        }
    }

    @Test(arguments: [1, 2]) func orderPerKeyHoldsWithRetries(parallelism: Int) async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<String>()
        let ledger = Ledger()
        try await JobRunner(
            AskingJob(sink: sink, ledger: ledger, crashes: CrashPoints([]), count: 5000),
            options: testOptions(folder, parallelism: parallelism, intervalMillis: 10), environment: JobEnvironment()
        ).run()
        check(sink.elements, 5000)
        #expect(await ledger.count == 5000)
    }

    @Test func requestsInFlightSurviveCrashesAndRunAgain() async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<String>()
        let ledger = Ledger()
        var options = testOptions(folder, parallelism: 2, intervalMillis: 5)
        options.restart = .exponential(initialMillis: 1, maxMillis: 2)
        let crashes = CrashPoints([100, 900, 901, 2500, 4999])
        try await JobRunner(
            AskingJob(sink: sink, ledger: ledger, crashes: crashes, count: 5000, verdictIsOutage: true),
            options: options, environment: JobEnvironment()
        ).run()
        #expect(crashes.remaining == 0)
        check(sink.elements, 5000)
        for numbers in await ledger.order.values { #expect(numbers == numbers.sorted()) }
    }

    @Test func aRequestThatHangsIsCancelledAndMadeAgain() async throws {
        let sink = CollectSink<String>()
        let test = try JobTest(HangingJob(sink: sink))
        try test.advance(by: .milliseconds(50))
        #expect(test.metrics.sum("weir_async_timeouts_total") >= 1)
        try await test.finish()
        #expect(sink.elements.sorted() == ["0", "1", "2"])
    }

    @Test func requestsInFlightAreInTheSnapshotAndMoveToAnotherParallelism() async throws {
        let ledger = Ledger()
        func harness(_ parallelism: Int, restoring snapshot: HarnessSnapshot? = nil) throws -> OperatorHarness<Int64, String> {
            try OperatorHarness(parallelism: parallelism, restoring: snapshot) { (numbers: HarnessStream<Int64>) in
                numbers.keyed(by: { $0 % 7 }).asyncProcess(AsyncOptions(capacity: 64)) {
                    try AskLedger($0, ledger: ledger, failEvery: .max, gate: ledger.gate)
                }
            }
        }
        let first = try harness(2)
        for number in Int64(0)..<50 { try first.push(number) }
        let snapshot = try first.snapshot()
        #expect(first.elements.isEmpty)
        let second = try harness(3, restoring: snapshot)
        ledger.gate.open()
        for harness in [first, second] {
            try await harness.settle()
            check(harness.takeElements(), 50)
        }
    }
}

/// Has an answer for even numbers only; the others are counted per key instead.
struct AskOrGiveUp: KeyedAsyncFunction {
    typealias Key = Int64
    typealias Input = Int64
    typealias Output = String
    struct NoAnswer: Error {}
    let failures: DefaultedState<Int64, Int>

    init(_ state: KeyedStateContext<Int64>) throws { failures = try state.value("failures", default: 0) }

    mutating func request(_ input: Int64, key: Int64) -> Int64 { input }
    var perform: @Sendable (Int64) async throws -> Int64 {
        { number in
            guard number % 2 == 0 else { throw NoAnswer() }
            return number
        }
    }
    mutating func complete<Out: Collector>(_ input: Int64, key: Int64, _ response: Int64, into out: inout Out) throws
    where Out.Element == String { try out.collect("\(response)") }
    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict { .fail }
    mutating func recover<Out: Collector>(
        _ input: Int64, key: Int64, from error: any Error, into out: inout Out
    ) throws -> Bool where Out.Element == String {
        guard error is NoAnswer, input < 100 else { return false }
        failures[key] += 1
        try out.collect("\(input) failed, \(failures[key]) in all")
        return true
    }
}

@Suite struct KeyedFallbackTests {
    private func harness() throws -> OperatorHarness<Int64, String> {
        try OperatorHarness { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { _ in 0 }).asyncProcess { try AskOrGiveUp($0) }
        }
    }

    @Test func aRequestThatIsGivenUpMayStillHaveAResultInItsTurn() async throws {
        let harness = try harness()
        for number in Int64(1)...4 { try harness.push(number, at: number) }
        try harness.watermark(10)
        try await harness.settle()
        #expect(
            harness.output == [
                Emitted("1 failed, 1 in all", at: 1), Emitted("2", at: 2), Emitted("3 failed, 2 in all", at: 3),
                Emitted("4", at: 4),
            ])
        #expect(harness.outputWatermark == 10)
    }

    @Test func withoutOneTheAttemptFailsWithTheError() async throws {
        let harness = try harness()
        await #expect(throws: AskOrGiveUp.NoAnswer.self) {
            try harness.push(101)
            try await harness.settle()
        }
    }
}

/// The first request never answers.
struct HangingJob: StreamJob {
    static let name = "hanging"
    let sink: CollectSink<String>

    struct Hang: KeyedAsyncFunction {
        typealias Key = Int64
        typealias Input = Int64
        typealias Output = String
        let calls: Calls

        final class Calls: Sendable {
            let count = Atomic<Int>(0)
        }

        mutating func request(_ input: Int64, key: Int64) -> Int64 { input }
        var perform: @Sendable (Int64) async throws -> Int64 {
            let calls = calls
            return { number in
                if calls.count.add(1, ordering: .relaxed).oldValue == 0 { try await Task.sleep(for: .seconds(3600)) }
                return number
            }
        }
        mutating func complete<Out: Collector>(_ input: Int64, key: Int64, _ response: Int64, into out: inout Out) throws
        where Out.Element == String { try out.collect("\(response)") }
        func verdict(on error: any Error, attempt: Int) -> AsyncVerdict { .retry(afterMillis: 1) }
    }

    func build(_ flow: Flow) {
        let calls = Hang.Calls()
        flow.source(CollectionSource([Int64(0), 1, 2]))
            .keyed(by: { $0 })
            .asyncProcess(AsyncOptions(timeoutMillis: 50)) { _ in Hang(calls: calls) }
            .sink(sink)
    }
}
