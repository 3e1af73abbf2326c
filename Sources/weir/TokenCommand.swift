import ArgumentParser
import Services
import Trading
import WeirKit

/// `token USER`: a token for the HTTP interface.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Mint a token that lets a user use the HTTP interface.",
        discussion: """
            The token is signed with tokens.secret, or else with the key in the data folder, as the gateway on the same \
            data folder reads it. It alone is printed, so that it can be pasted: -H "Authorization: Bearer $(weir token me)".

            EXAMPLES
              weir token me
              curl -H "Authorization: Bearer $(weir token me --for 5m)" http://127.0.0.1:8080/v1/portfolio
            """)

    @Argument(help: "The user: 1 to 64 of A-Z, a-z, 0-9, '_' and '-'.") var user: String
    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Option(name: .customLong("for"), help: ArgumentHelp("How long it counts.", valueName: "duration"))
    var lifetime = "12h"

    func run() async throws {
        guard let user = UserID(user) else {
            throw UsageError("'\(user)' is no user id: 1 to 64 of A-Z, a-z, 0-9, '_' and '-'")
        }
        let millis = try DurationText.positiveMillis(lifetime, option: "--for")
        let configuration = try flags.resolve(for: Weir.self)
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        do {
            let authority = try await resources.tokenAuthority().authority
            say(try await authority.mint(user, lifetimeMillis: Int64(millis)).token)
        } catch let error as TokenKeyError {
            throw CommandFailure("\(error)")
        } catch let error as SecretFileError {
            throw CommandFailure("\(error)")
        }
    }
}
