import Foundation
import SimulationWorkloads
import StreamRuntime
import StreamRuntimeTesting
import Testing

@Suite(.serialized)
struct SimulationTests {
    @Test("the same seed runs the same way: equal traces", arguments: SimulatedWorkload.all.indices)
    func replays(_ index: Int) {
        let (seed, workload) = (UInt64(1000 + index), SimulatedWorkload.all[index])
        let first = Simulation.run(seed: seed, workload, recordsTrace: true)
        let second = Simulation.run(seed: seed, workload, recordsTrace: true)
        #expect(first.hash == second.hash)
        #expect(first.trace == second.trace)
        #expect(!first.trace.isEmpty)
        #expect(first.hash != Simulation.run(seed: seed + 1, workload).hash)
    }

    @Test("the standard seeds find nothing, and every point of the protocol is met and struck")
    func standardSeeds() async {
        let began = Date()
        let campaign = Campaign(seeds: Campaign.standardSeeds)
        let summary = await campaign.run()
        print(summary.text(seconds: Date().timeIntervalSince(began)))
        #expect(campaign.coversEverything)
        #expect(summary.seeds == 1000)
        #expect(summary.failures.map { "\($0.seed): \($0.findings.messages)" } == [])
        #expect(summary.gaps == [])
    }

    @Test("seeds that miss points are told: which were never met, and where nothing went wrong")
    func gapsAreTold() async {
        let campaign = Campaign(seeds: 1..<2)
        let summary = await campaign.run()
        #expect(!campaign.coversEverything)
        #expect(!Campaign(seeds: Campaign.standardSeeds, workload: "counting").coversEverything)
        #expect(summary.gaps.contains { $0.hasPrefix("points at which nothing went wrong: ") })
        #expect(
            CampaignSummary().gaps.first == "points never met: \(FaultPoint.allCases.map(\.rawValue).joined(separator: ", "))")
    }
}
