import AsyncHTTPClient
import Foundation
import TestKit
import Testing

/// What is in use already is told of by who has it and what to do.
@Suite struct SecondRunTests {
    @Test(arguments: ["up", "verify"]) func aSecondRunOnADataFolderIsToldWhoHasIt(_ command: String) async throws {
        let folder = TemporaryFolder()
        let (data, checkpoints) = (folder.path + "/data", folder.path + "/checkpoints")
        let first = try RunningSystem(command: ["service", "portfolio", "--port", "0", "--set", "data=\(data)"])
        defer { first.stop() }
        _ = try await first.said(#/(listens on)/#)
        // Bounded, should it not be refused.
        let more = command == "up" ? ["--for", "1s", "--metrics-port", "0", "--gateway-port", "0"] : []
        let second = try WeirRun([command, "--checkpoint-dir", checkpoints] + more, data: data)
        #expect(second.status == 1, "\(second.errors)")
        #expect(second.errors.contains("\(data)/portfolios is open in another process (\(first.pid))"), "\(second.errors)")
        #expect(second.errors.contains("another weir runs on this data folder"), "\(second.errors)")
        #expect(second.errors.contains("--set data=FOLDER --checkpoint-dir FOLDER"), "\(second.errors)")
        #expect(!second.errors.lowercased().contains("while lock file"), "\(second.errors)")
    }

    /// Stores of one process are refused by the name of who has them; what processes can share is served beside them.
    @Test func servicesAloneBesideARunningSystem() async throws {
        let up = try RunningSystem(["--set", "orders.rate=5", "--set", "trading.users=5"])
        defer { up.stop() }
        _ = try await up.gateway()
        let data = "\(up.folder)/data"
        func alone(_ service: String) throws -> RunningSystem {
            // Prices of its own would be refused before anything is opened.
            try RunningSystem(command: [
                "service", service, "--port", "0", "--set", "data=\(data)", "--set", "prices=redis://127.0.0.1:1",
            ])
        }
        for (service, store, setting) in [
            ("order", "orders", "orders=dynamodb://region"), ("portfolio", "portfolios", "portfolios=dynamodb://region"),
        ] {
            let second = try alone(service)
            defer { second.stop() }
            let refusal = await #expect(throws: RunningSystem.NotUp.self) { try await second.said(#/(listens on)/#) }
            let log = refusal?.log ?? ""
            #expect(log.contains("\(data)/\(store) is open in another process (\(up.pid))"), "\(log)")
            #expect(log.contains("another weir runs on this data folder") && log.contains("--set \(setting)"), "\(log)")
        }
        let query = try alone("query")
        defer { query.stop() }
        let url = try await query.said(#/listens on (http:\S+)\n/#)
        let ready = try await HTTPClient.shared.execute(HTTPClientRequest(url: url + "/readyz"), timeout: .seconds(10))
        let told = String(buffer: try await ready.body.collect(upTo: 1 << 16))
        #expect(ready.status == .ok, "\(told)")
    }
}
