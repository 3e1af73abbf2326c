import StreamRuntime
import Synchronization
import TestKit
import Testing

/// A decider that gives epochs up by script, as Kafka does when a transaction was open for too long. It is the sink too.
private final class ExpiringDecider: Sink, TransactionDomain {
    struct Expired: EpochExpiry, CustomStringConvertible {
        let description = "the epoch was open for too long"
    }
    enum Step { case commit, expire, expireInATask }

    struct Writer: SinkWriter {
        let decider: ExpiringDecider
        func write(_ element: Int64) throws { try decider.failInATaskIfAsked() }
    }

    private struct State {
        var steps: [Step]
        var beforeExpiry: (@Sendable () -> Void)?
        var atRecovery: (@Sendable () -> Void)?
        var last: Decision?
        var commits = 0
        var expiries = 0
    }
    private let state: Mutex<State>
    let identity = "expiring://test"

    /// Each commit or attempt to fail takes the next step; the last one is repeated.
    init(_ steps: [Step]) { state = Mutex(State(steps: steps)) }

    var transactions: (any TransactionDomain)? { self }
    var commits: Int { state.withLock { $0.commits } }
    var expiries: Int { state.withLock { $0.expiries } }
    /// Called right before each expiry, and when an attempt begins.
    func onExpiry(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.beforeExpiry = body } }
    func onRecovery(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.atRecovery = body } }

    func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(decider: self) }
    func recover(_ owner: IslandOwner) -> Decision? {
        state.withLock { $0.atRecovery }?()
        return state.withLock { $0.last }
    }
    func begin(_ epoch: Epoch, writers: Int) {}
    func prepare(_ epoch: Epoch, timeoutMillis: Int) {}
    func close() {}

    func commit(_ decision: Decision) throws {
        if !decision.isGenesis, state.withLock({ $0.steps[0] }) != .commit { try expire() }
        state.withLock {
            $0.last = decision
            if decision.isGenesis { return }
            $0.commits += 1
            if $0.steps.count > 1 { $0.steps.removeFirst() }
        }
    }

    private func failInATaskIfAsked() throws {
        if state.withLock({ $0.steps[0] }) == .expireInATask { try expire() }
    }

    private func expire() throws {
        let body = state.withLock { state in
            state.expiries += 1
            if state.steps.count > 1 { state.steps.removeFirst() }
            return state.beforeExpiry
        }
        body?()
        throw Expired()
    }
}

private struct Endless: StreamJob {
    static let name = "expiring"
    let decider: ExpiringDecider
    func build(_ flow: Flow) { flow.source(GeneratorSource(ratePerSecond: 10_000) { $0 }).sink(decider) }
}

/// Rule 9: an epoch that takes too long is given up, three in a row fail the job.
@Suite(.timeLimit(.minutes(5))) struct EpochExpiryTests {
    private func runner(_ decider: ExpiringDecider, _ folder: TemporaryFolder) throws -> JobRunner {
        var options = testOptions(folder, parallelism: 1, intervalMillis: 5)
        options.restart = .exponential(initialMillis: 1, maxMillis: 2)
        return try JobRunner(Endless(decider: decider), options: options, environment: JobEnvironment())
    }

    /// The connector's error comes alone out of a commit, and as an attempt's cause out of a task: both restarted for
    /// ever when only the engine's own time-out was known.
    @Test(arguments: [false, true]) func threeInARow_failTheJobLoudly(inATask: Bool) async throws {
        let folder = TemporaryFolder()
        let decider = ExpiringDecider([inATask ? .expireInATask : .expire])
        let runner = try runner(decider, folder)
        await #expect { try await runner.run() } throws: {
            "\($0)".contains("three epochs in a row took too long") && "\($0)".contains("open for too long")
        }
        #expect(decider.expiries == 3)
        guard case .failed = runner.status else {
            Issue.record("the job is \(runner.status), not failed")
            return
        }
    }

    @Test func anEpochDecidedInBetween_startsTheCountOver() async throws {
        let folder = TemporaryFolder()
        let decider = ExpiringDecider([.expire, .expire, .commit, .expire, .expire, .commit, .commit, .expire])
        await #expect(throws: JobFailure.self) { try await runner(decider, folder).run() }
        #expect(decider.commits == 3)
        #expect(decider.expiries == 7)
    }

    @Test func whilePaused_expiriesDoNotCount() async throws {
        let folder = TemporaryFolder()
        let decider = ExpiringDecider(Array(repeating: .expire, count: 8) + [.commit])
        let runner = try runner(decider, folder)
        // An outage begins while each of the first five epochs is open, and is over before the next.
        decider.onExpiry { runner.pauses.set("store: down", decider.expiries <= 5) }
        decider.onRecovery { runner.pauses.set("store: down", false) }
        let failure = await #expect(throws: JobFailure.self) { try await runner.run() }
        #expect(failure.map { "\($0)" }?.contains("three epochs in a row") == true)
        #expect(decider.expiries == 8)
    }
}
