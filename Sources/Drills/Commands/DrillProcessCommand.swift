import ArgumentParser
import StreamRuntime
import WeirKit

/// `drill-process`: what `drill` starts and kills. Settings come by environment variables.
struct DrillProcessCommand<App: DrillingApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "drill-process", abstract: "The process of a drill; started by 'drill'.", shouldDisplay: false)
    }

    @Argument var drill: String
    @OptionGroup var flags: ConfigurationFlags
    @Option var inject: String?
    @Option var injectSeed: UInt64 = 1

    func run() async throws {
        let members = try App.drill(named: drill).members
        // One plan for all jobs; another seed at each start, or each would end at the same point.
        let faults = try inject.map { FaultPlan(try FaultPlan(parsing: $0).rules, seed: injectSeed) }
        let session = try ApplicationSession(App.self, try flags.resolve(for: App.self), failurePolicy: .stopAll)
        let outcomes = try await session.run { launcher, host in
            for member in members {
                try host.add(try launcher.prepare(member.job, faults: faults), stage: member.stage, catchUp: member.catchUp)
            }
        }
        if let error = outcomes.compactMap(\.error).first { throw error }
    }
}
