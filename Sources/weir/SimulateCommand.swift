import ArgumentParser
import ControlPlane
import Foundation
import Services
import StreamRuntime
import Trading
import WeirKit

/// `simulate`: made-up users of a system that runs somewhere.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Simulate users of a running system.",
        discussion: """
            EXAMPLES
              weir simulate orders --users 200 --rate 100
            """,
        subcommands: [SimulateOrders.self])
}

/// `simulate orders`: users who place orders over HTTP, by strategies of their own.
struct SimulateOrders: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders", abstract: "Place orders over HTTP as many users would.",
        discussion: """
            Users look at the prices, follow or fight trends or toss coins, and place orders at the gateway. What is not \
            answered is repeated under the same Idempotency-Key; some answered requests are sent again, some keys used \
            for another order, some orders are nonsense. At the end it is asked what became of the accepted ones. \
            The exit code is 1 when an answer was not as it must be.

            Tokens are minted with tokens.secret or the key in the data folder; with --sign-in they come from \
            the gateway's own sign-in, which only a gateway on this machine has.

            EXAMPLES
              weir simulate orders
              weir simulate orders --users 200 --rate 100 --orders 10000 --seed 7
            """)

    @Option(help: "The gateway.") var gateway = "http://127.0.0.1:8080"
    @Option(help: "Users.") var users = 50
    @Option(help: "Orders a second, of all users.") var rate = 20.0
    @Option(help: "Orders in all; unset: until Ctrl-C.") var orders: Int?
    @Option(help: "Share of orders that are nonsense, in percent.") var nonsense = 2
    @Option(help: "Share of answered requests that are sent again, in percent.") var duplicates = 2
    @Option(help: "Requests under way at a time.") var inFlight = 64
    @Option(help: "The same seed and prices give the same orders.") var seed: UInt64 = 1
    @Flag(help: "Get tokens from the gateway.") var signIn = false
    @OptionGroup(title: "Settings") var flags: ConfigurationFlags

    func validate() throws {
        guard users > 0, rate > 0, inFlight > 0, (0...100).contains(nonsense), (0...100).contains(duplicates) else {
            throw ValidationError("users, rate and in-flight are above zero, shares from 0 to 100")
        }
    }

    func run() async throws {
        var settings = OrderSimulator.Settings()
        (settings.users, settings.ordersPerSecond, settings.ordersMax) = (users, rate, orders)
        (settings.seed, settings.inFlightMax) = (seed, inFlight)
        settings.traders.nonsenseMillionths = Int64(nonsense) * 10_000
        settings.duplicateMillionths = Int64(duplicates) * 10_000
        let client = GatewayClient(gateway, connectionsMax: inFlight)
        do {
            try await greet(client)
        } catch {
            await client.close()
            throw error
        }
        let simulator = OrderSimulator(client, settings, signIn: try await tokens(client))
        let running = Task { try await simulator.run() }
        let signals = StopSignals(
            first: { _ in running.cancel() }, second: { _ in say("ended at once") })
        let telling = Task {
            var seconds = 0
            while (try? await Task.sleep(for: .seconds(5))) != nil {
                seconds += 5
                let report = simulator.report
                say(
                    "\(seconds) s  placed \(report.placed)  accepted \(report.accepted)  refused \(report.refused.values.reduce(0, +))  retries \(report.retries)"
                )
            }
        }
        let result = await running.result
        telling.cancel()
        signals.cancel()
        await client.close()
        let report = try result.get()
        say(report.text)
        guard report.isSound else { throw CommandFailure("an answer was not as it must be; see above") }
    }

    private func greet(_ client: GatewayClient) async throws {
        do {
            try await client.greet()
        } catch let failure as SimulationFailure {
            throw CommandFailure(failure.description)
        } catch {
            throw CommandFailure(
                "no gateway is reached at \(gateway): \(ConnectionErrorText.of(error)); start one with 'weir up', or name it with "
                    + "--gateway http://HOST:PORT")
        }
    }

    private func tokens(_ client: GatewayClient) async throws -> @Sendable (UserID) async throws -> String {
        if signIn { return { try await client.signIn($0) } }
        let configuration = try flags.resolve(for: Weir.self)
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        let (authority, _) = try await resources.tokenAuthority()
        guard authority.canMint else {
            throw CommandFailure("no tokens are minted with tokens.key-set; get them from the gateway with --sign-in")
        }
        return { try await authority.mint($0, lifetimeMillis: 12 * 3_600_000).token }
    }
}
