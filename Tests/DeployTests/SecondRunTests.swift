import Foundation
import Testing

/// What is in use already is told of by who has it and what to do.
@Suite struct SecondRunTests {
    @Test(arguments: ["up", "verify"]) func aSecondRunOnADataFolderIsToldWhoHasIt(_ command: String) async throws {
        let data = NSTemporaryDirectory() + "weir-second-" + UUID().uuidString
        let checkpoints = data + "-checkpoints"
        defer { for folder in [data, checkpoints] { try? FileManager.default.removeItem(atPath: folder) } }
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
}
