import Foundation
import StreamRuntime
import StreamRuntimeTesting
import Synchronization

/// Many seeds, on some threads; each seed is one thread's.
package struct Campaign: Sendable {
    /// What every change has to pass.
    package static let standardSeeds: Range<UInt64> = 1..<1001

    private let seeds: Range<UInt64>
    private let workload: String?
    private let threads: Int
    private let keepsGoing: Bool

    /// - Parameters:
    ///   - workload: the only one; without it, seeds take turns.
    ///   - threads: 0: one for each core.
    ///   - keepsGoing: also after a seed that fails.
    package init(seeds: Range<UInt64>, workload: String? = nil, threads: Int = 0, keepsGoing: Bool = true) {
        self.seeds = seeds
        self.workload = workload
        self.threads = threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount
        self.keepsGoing = keepsGoing
    }

    /// Enough seeds of all workloads that each point of the protocol must have had its turn.
    package var coversEverything: Bool { workload == nil && seeds.count >= Self.standardSeeds.count }

    package func workload(of seed: UInt64) -> SimulatedWorkload {
        SimulatedWorkload.all.first { $0.name == workload } ?? SimulatedWorkload.ofSeed(seed)
    }

    /// What the threads share.
    private final class Progress: Sendable {
        struct State {
            var next: UInt64
            var threadsLeft: Int
            var summary = CampaignSummary()
        }
        let state: Mutex<State>
        init(first: UInt64, threads: Int) { state = Mutex(State(next: first, threadsLeft: threads)) }
    }

    /// `each` is called with every report, on the seed's thread. When it stops at the first failure, that is of the lowest
    /// seed that fails: seeds are begun in order, and those begun are run to their ends.
    package func run(
        recordsTrace: Bool = false, _ each: @escaping @Sendable (Simulation.Report) -> Void = { _ in }
    ) async -> CampaignSummary {
        let progress = Progress(first: seeds.lowerBound, threads: threads)
        // Threads of its own: a seed computes for long, and waits for tasks of Swift's pool.
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            for _ in 0..<threads {
                let thread = Thread {
                    while runNext(progress, recordsTrace, each) {}
                    let left = progress.state.withLock { state in
                        state.threadsLeft -= 1
                        return state.threadsLeft
                    }
                    if left == 0 { continuation.resume() }
                }
                thread.stackSize = 16 << 20
                thread.start()
            }
        }
        var summary = progress.state.withLock { $0.summary }
        summary.failures.sort { $0.seed < $1.seed }
        return summary
    }

    /// False when no seed is left.
    private func runNext(
        _ progress: Progress, _ recordsTrace: Bool, _ each: @Sendable (Simulation.Report) -> Void
    ) -> Bool {
        let next = progress.state.withLock { state -> UInt64? in
            guard state.next < seeds.upperBound, keepsGoing || state.summary.failures.isEmpty else { return nil }
            defer { state.next += 1 }
            return state.next
        }
        guard let seed = next else { return false }
        let report = Simulation.run(seed: seed, workload(of: seed), recordsTrace: recordsTrace)
        each(report)
        progress.state.withLock { $0.summary.add(report) }
        return true
    }
}

/// What has come of many seeds.
package struct CampaignSummary: Sendable {
    package private(set) var seeds = 0
    private var records = 0
    private var checkpoints = 0
    private var starts = 0
    private var virtualSeconds = 0.0
    private var faults: [String: Int] = [:]
    private var pointsMet: [FaultPoint: Int] = [:]
    private var pointsStruck: [FaultPoint: Int] = [:]
    /// By seed, once all have run.
    package fileprivate(set) var failures: [Simulation.Report] = []
    /// Seeds with fewer than 1 000 records, 3 checkpoints or one fault.
    private var easySeeds: [UInt64] = []

    package init() {}

    package mutating func add(_ report: Simulation.Report) {
        seeds += 1
        records += report.records
        checkpoints += report.checkpoints
        starts += report.starts
        virtualSeconds += report.virtualSeconds
        faults.merge(report.faults, uniquingKeysWith: +)
        pointsMet.merge(report.points, uniquingKeysWith: +)
        pointsStruck.merge(report.faultedPoints, uniquingKeysWith: +)
        if !report.findings.isEmpty { failures.append(report) }
        if report.records < 1000 || report.checkpoints < 3 || report.faultCount < 1 { easySeeds.append(report.seed) }
    }

    /// What these seeds prove nothing about: points of the protocol that no run has come to or at which nothing went wrong,
    /// and seeds that were too easy.
    package var gaps: [String] {
        func names(_ points: [FaultPoint: Int]) -> String? {
            let missing = FaultPoint.allCases.filter { points[$0] == nil }.map(\.rawValue)
            return missing.isEmpty ? nil : missing.joined(separator: ", ")
        }
        var gaps: [String] = []
        if let never = names(pointsMet) { gaps.append("points never met: \(never)") }
        if let never = names(pointsStruck) { gaps.append("points at which nothing went wrong: \(never)") }
        if let first = easySeeds.min() { gaps.append("\(easySeeds.count) seeds were too easy, the first of them \(first)") }
        return gaps
    }

    /// `seconds`: how long it took.
    package func text(seconds: Double) -> String {
        let byKind = faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let rarest = pointsStruck.min { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
        var lines = [
            "\(seeds) seeds in \(Self.decimal(seconds, 1)) s, \(Self.decimal(Double(seeds) / seconds, 1)) seeds/s; "
                + "\(Self.decimal(virtualSeconds, 0)) s of virtual time",
            "\(records) records, \(checkpoints) checkpoints, \(starts) starts, "
                + "\(faults.values.reduce(0, +)) faults: \(byKind)",
            "points met: \(pointsMet.count) of \(FaultPoint.allCases.count), struck: \(pointsStruck.count)"
                + (rarest.map { " (\(pointsStruck.values.reduce(0, +)) times; \($0.key.rawValue) least, \($0.value) times)" }
                    ?? ""),
        ]
        lines += gaps
        lines.append("\(failures.count) seeds failed")
        return lines.joined(separator: "\n")
    }

    private static func decimal(_ value: Double, _ places: Int) -> String { String(format: "%.\(places)f", value) }
}
