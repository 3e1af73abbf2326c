import ArgumentParser
import StreamRuntime
import WeirKit

/// `verify`: the conservation check on a system at rest.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check that trades and portfolios of a stopped system add up, to the unit.",
        discussion: """
            Reads every executed trade and every portfolio: no cash or share may have been lost or made, and history and \
            analytics must hold what was executed. Exit code 1 says that something does not add up.

            After a kill, portfolios may be ahead of the trades: orders were executed whose outcome no checkpoint has decided \
            yet. Such users cannot be judged before the next run has decided them (exit code 7).

            EXAMPLES
              weir verify
              weir verify --config production.yaml
            """)

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags

    func run() async throws {
        let configuration = try flags.resolve(for: Weir.self)
        let environment = ApplicationEnvironment()
        let audit: Audit
        do {
            audit = try await environment.shared.closing {
                try await Audit.run(TradingResources(configuration: configuration, environment: environment))
            }
        } catch let damage as any DataLossError {
            // Found, not refused: nothing was to go on here.
            throw CommandFailure("\(damage)")
        }
        say(audit.text)
        guard audit.isConserved else { throw CommandFailure("the conservation check failed; see above") }
        guard audit.ahead.isEmpty else {
            throw CommandFailure(
                "not decided yet for \(audit.ahead.count) of \(audit.users) portfolios: run 'weir up' first", status: .undecided)
        }
    }
}
