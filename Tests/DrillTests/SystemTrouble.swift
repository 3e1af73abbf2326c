import Foundation
import Synchronization
import TestServers
import Testing
import Trading

/// Kills processes of the system and takes its servers away, in an order that a seed gives. Used by one task at a time, but for
/// `isPlanDone`, `calm` and what is told at the end.
final class SystemTrouble: Sendable {
    private enum Step {
        case kill(SystemUnderTest.Part)
        /// Shorter than what waits for it, as a rule.
        case standstill(SystemOutage, millis: Int)
        case outage(SystemOutage)
        case flush
        case flushWhileTheFeedIsSilent
    }

    private struct Record {
        var isPlanDone = false
        var counts: [String: Int] = [:]
        var outages: [String] = []
        var published: [OrderID] = []
        /// Servers that are standing still: they must be woken whatever happens.
        var stopped: Set<pid_t> = []
    }

    private let system: SystemUnderTest
    private let seed: UInt64
    private let record = Mutex(Record())

    /// The broker is left alone: a stand-in that is stopped in a save forgets what it acknowledged.
    private static let parts: [SystemUnderTest.Part] =
        SystemUnderTest.Part.allCases + [.execution, .execution, .history, .analytics, .order, .order]
    private static let outageSeconds = Double(DrillSize.pick(4, 60))
    private static let symbols = Listing.standard.map(\.symbol)

    init(_ system: SystemUnderTest, seed: UInt64) {
        self.system = system
        self.seed = seed
    }

    deinit { calm() }

    /// One thing goes wrong after the other, with time to breathe in between: everything that is planned, and then more of the short
    /// ones until this task is cancelled.
    func makeUntilCancelled() async throws {
        var random = SplitMix64(seed: seed)
        for step in Self.plan(&random) {
            try await Task.sleep(for: .milliseconds(Int.random(in: 200...1_000, using: &random)))
            try await make(step)
        }
        record.withLock { $0.isPlanDone = true }
        // Slower, so that a long drill is not mostly starts of processes.
        while await sleep(Int.random(in: 1_000...5_000, using: &random)) {
            try await make(Int.random(in: 0..<4, using: &random) > 0 ? Self.someKill(&random) : Self.someStandstill(&random))
        }
    }

    var isPlanDone: Bool { record.withLock { $0.isPlanDone } }

    /// Each part is killed at least once, each server is away for long once, each kind of flush happens.
    private static func plan(_ random: inout SplitMix64) -> [Step] {
        var steps: [Step] = SystemOutage.allCases.map { .outage($0) } + [.flush, .flushWhileTheFeedIsSilent]
        for _ in 0..<DrillSize.pick(1, 6) {
            steps += parts.map { .kill($0) }
            steps += (0..<4).map { _ in someStandstill(&random) }
        }
        return steps.shuffled(using: &random)
    }

    private static func someKill(_ random: inout SplitMix64) -> Step {
        .kill(parts[Int.random(in: 0..<parts.count, using: &random)])
    }

    private static func someStandstill(_ random: inout SplitMix64) -> Step {
        let servers = SystemOutage.allCases
        return .standstill(
            servers[Int.random(in: 0..<servers.count, using: &random)], millis: Int.random(in: 300...2_500, using: &random))
    }

    private func make(_ step: Step) async throws {
        switch step {
        case .kill(let part):
            note("\(part.rawValue) killed")
            try system.kill(part)
            try system.start(part)
        case .standstill(let server, let millis):
            note("\(server) stood still")
            let pid = try ServerProcess.pid(server.rawValue)
            halt(pid)
            _ = await sleep(millis)
            wake(pid)
        case .outage(let server):
            try await outage(server)
        case .flush:
            note("redis flushed")
            try await flush()
        case .flushWhileTheFeedIsSilent:
            note("redis flushed, no ticks coming")
            try await flushWhileTheFeedIsSilent()
        }
    }

    // MARK: Outages

    /// A server goes away for as long as it takes and longer: the job that needs it says so and waits, the service that needs it is
    /// not ready, and both go on by themselves.
    private func outage(_ server: SystemOutage) async throws {
        let (job, name) = server.waiting
        let (service, dependency) = server.unready
        let pid = try ServerProcess.pid(server.rawValue)
        halt(pid)
        defer { wake(pid) }
        let began = ContinuousClock.now
        // Something to wait with, also when nobody's order comes through.
        let orders = try system.publish((0..<5).map { "\(server)-\($0)" })
        record.withLock { $0.published += orders }
        try await system.wait("\(job.rawValue) is paused because of \(name)", withinSeconds: 55) {
            try await system.standing(of: job).isPaused(because: name)
        }
        let pausedAfter = ContinuousClock.now - began
        try await system.wait("\(service.rawValue) is not ready and names \(dependency)", withinSeconds: 55) {
            try await system.missing(of: service).contains(dependency)
        }
        try await Task.sleep(for: max(.zero, .seconds(Self.outageSeconds) - (.now - began)))
        let away = ContinuousClock.now - began
        #expect(try system.isAlive(job), "\(job.rawValue) does not outlive it")
        wake(pid)
        let woken = ContinuousClock.now
        try await system.wait("\(job.rawValue) goes on by itself", withinSeconds: 120) {
            try await system.standing(of: job).isRunning
        }
        let wentOnAfter = ContinuousClock.now - woken
        try await system.wait("\(service.rawValue) is ready again", withinSeconds: 120) {
            try await !system.missing(of: service).contains(dependency)
        }
        let text = """
            \(server) away for \(Self.text(away)), \(job.rawValue) paused after \(Self.text(pausedAfter)) and went on \
            \(Self.text(wentOnAfter)) after its return
            """
        print("system drill: \(text)")
        record.withLock { $0.outages.append(text) }
    }

    private static func text(_ duration: Duration) -> String {
        duration.formatted(.units(allowed: [.seconds], width: .narrow, fractionalPart: .show(length: 1)))
    }

    // MARK: A cache that forgets

    /// Prices come back with the ticks of `market_data`.
    private func flush() async throws {
        let prices = try system.prices()
        let before = try await prices.latest(Self.symbols)
        try await flushAll()
        try await system.wait("all prices are back", withinSeconds: 120) {
            let after = try await prices.latest(Self.symbols)
            return before.allSatisfy { symbol, price in after[symbol].map { $0.seq >= price.seq } == true }
        }
        await prices.close()
    }

    /// No tick comes, so it is the Market Data Service that remembers the prices and writes them back.
    private func flushWhileTheFeedIsSilent() async throws {
        try await system.wait("prices are known", withinSeconds: 120) { try await system.missing(of: .marketData).isEmpty }
        let prices = try system.prices()
        let rewrittenBefore = try await system.metric("weir_prices_rewritten_total", of: .marketData)
        try system.halt(.marketFeed)
        defer { try? system.wake(.marketFeed) }
        // What the feed has sent is on its way yet.
        var before = try await prices.latest(Self.symbols)
        try await system.wait("no prices come any more", withinSeconds: 120) {
            let last = before
            try await Task.sleep(for: .milliseconds(500))
            before = try await prices.latest(Self.symbols)
            return before == last
        }
        try await flushAll()
        try await system.wait("all prices are written back", withinSeconds: 120) {
            try await prices.latest(Self.symbols) == before
        }
        #expect(before.count == Self.symbols.count)
        #expect(try await system.metric("weir_prices_rewritten_total", of: .marketData) > rewrittenBefore)
        await prices.close()
    }

    private func flushAll() async throws {
        let redis = try RawConnection(port: try TestServer.redis.port())
        await redis.write("FLUSHALL\r\n")
        let answer = await redis.read(until: "\r\n")
        try #require(answer == "+OK\r\n")
    }

    // MARK: Told at the end

    /// Everything runs again.
    func calm() { for pid in record.withLock({ $0.stopped }) { wake(pid) } }

    /// The orders that were placed without the order service.
    var published: [OrderID] { record.withLock { $0.published } }

    var summary: String {
        record.withLock { record in
            record.counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)×" }.joined(separator: ", ") + "; "
                + record.outages.joined(separator: "; ")
        }
    }

    private func note(_ what: String) { record.withLock { $0.counts[what, default: 0] += 1 } }

    private func halt(_ pid: pid_t) {
        record.withLock { _ = $0.stopped.insert(pid) }
        kill(pid, SIGSTOP)
    }

    private func wake(_ pid: pid_t) {
        kill(pid, SIGCONT)
        record.withLock { _ = $0.stopped.remove(pid) }
    }

    private func sleep(_ millis: Int) async -> Bool { (try? await Task.sleep(for: .milliseconds(millis))) != nil }
}

/// Servers that `scripts/servers` has started.
enum ServerProcess {
    static func pid(_ name: String) throws -> pid_t {
        let folder = try KafkaSide.environment("WEIR_TEST_RUN")
        let text = (try? String(contentsOfFile: "\(folder)/\(name).pid", encoding: .utf8)) ?? ""
        guard let pid = text.split(separator: " ").first.flatMap({ pid_t($0) }) else {
            throw DrillFailure("\(name) is not running: \(KafkaSide.missing)")
        }
        return pid
    }
}
