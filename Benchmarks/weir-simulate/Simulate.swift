import ArgumentParser
import Foundation
import SimulationWorkloads
import StreamRuntime
import StreamRuntimeTesting

/// Runs seeds through the simulator, and says which fail.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir-simulate",
        abstract: "Runs the engine under simulated disks, brokers, stores and crashes: a seed is a whole run.",
        discussion: """
            A seed chooses a workload, how it is scheduled and what goes wrong. Every seed that fails can be run again \
            with --first SEED --seeds 1 --trace, and does the same again.
            """)

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 1000
    @Option(help: "The first seed.")
    var first: UInt64 = 1
    @Option(help: "Only this workload; without it, seeds take turns.")
    var workload: String?
    @Option(help: "Plant this mistake ('all': each in turn, with an own line); needs a build with WEIR_PLANTED=1.")
    var planted: String?
    @Flag(help: "Print what happens, in order.")
    var trace = false
    @Flag(help: "Go on after a seed that fails.")
    var keepGoing = false
    @Option(help: "Threads; 0: one for each core.")
    var threads = 0

    func validate() throws {
        guard (1...UInt64(Int.max)).contains(seeds), first <= UInt64(Int.max) else {
            throw ValidationError("--seeds must be at least 1, and no seed may be larger than \(Int.max)")
        }
        if let workload, !SimulatedWorkload.all.contains(where: { $0.name == workload }) {
            let names = SimulatedWorkload.all.map(\.name).joined(separator: ", ")
            throw ValidationError("there is no workload '\(workload)'; there are \(names)")
        }
    }

    func run() async throws {
        if let planted { return try await runPlanted(planted) }
        let campaign = campaign(keepsGoing: keepGoing)
        let began = Date()
        let summary = await run(campaign)
        print(summary.text(seconds: Date().timeIntervalSince(began)))
        for report in summary.failures.prefix(20) { print(describe(report)) }
        if let failed = summary.failures.first, !trace { await printTail(of: failed) }
        guard summary.failures.isEmpty, summary.gaps.isEmpty || !campaign.coversEverything else { throw ExitCode(1) }
    }

    private func campaign(keepsGoing: Bool) -> Campaign {
        Campaign(seeds: first..<(first + seeds), workload: workload, threads: threads, keepsGoing: keepsGoing)
    }

    private func run(_ campaign: Campaign) async -> CampaignSummary {
        await campaign.run(recordsTrace: trace) { report in
            if !report.trace.isEmpty { print(report.trace.joined(separator: "\n")) }
        }
    }

    private func describe(_ report: Simulation.Report) -> String {
        (["seed \(report.seed) (\(report.workload)) failed, hash \(String(report.hash, radix: 16)):"]
            + report.findings.messages.map { "    \($0)" }).joined(separator: "\n")
    }

    /// The seed again, with its trace: the end of it tells most.
    private func printTail(of report: Simulation.Report) async {
        let again = await Campaign(seeds: report.seed..<(report.seed + 1), workload: workload).run(recordsTrace: true)
        print("the end of its trace (all of it: --first \(report.seed) --seeds 1 --trace):")
        for line in again.failures.first?.trace.suffix(60) ?? [] { print("    \(line)") }
    }

    private func runPlanted(_ name: String) async throws {
        #if WEIR_PLANTED
            let chosen = PlantedMistake.allCases.filter { name == "all" || $0.rawValue == name }
            guard !chosen.isEmpty else {
                let names = PlantedMistake.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("there is no mistake '\(name)'; there are \(names)")
            }
            var missed: [String] = []
            for mistake in chosen {
                PlantedMistake.plant(mistake)
                let began = Date()
                let summary = await run(campaign(keepsGoing: false))
                let seconds = String(format: "%.1f s", Date().timeIntervalSince(began))
                if let caught = summary.failures.first {
                    let what = caught.findings.messages.first ?? ""
                    print(
                        "\(mistake.rawValue): caught by seed \(caught.seed) (\(caught.workload)), \(seconds): \(what.prefix(160))"
                    )
                } else {
                    print("\(mistake.rawValue): NOT CAUGHT by \(summary.seeds) seeds, \(seconds)")
                    missed.append(mistake.rawValue)
                }
            }
            PlantedMistake.plant(nil)
            print("\(chosen.count - missed.count) of \(chosen.count) planted mistakes caught")
            guard missed.isEmpty else { throw ExitCode(1) }
        #else
            throw ValidationError("this build has no planted mistakes; build with WEIR_PLANTED=1 (scripts/simulate planted)")
        #endif
    }
}
