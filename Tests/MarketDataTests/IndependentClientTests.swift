import Foundation
import StoreKit
import Testing
import Trading
import TradingStores

/// The protocol as a client sees it that shares no code with this one: the `websockets` package from PyPI.
@Suite(.timeLimit(.minutes(5))) struct IndependentClientTests {
    @Test func aClientFromPyPIFindsNoFault() async throws {
        guard let python = ProcessInfo.processInfo.environment["WEIR_TEST_WEBSOCKETS_PYTHON"], !python.isEmpty else {
            throw StoreError.invalid(
                "WEIR_TEST_WEBSOCKETS_PYTHON is not set: run `make test`, or `scripts/servers install websockets` and "
                    + "`set -a; eval \"$(scripts/servers env)\"; set +a` before `swift test`")
        }
        let symbols = RunningService.symbols(1)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await running.tell(symbols[0], 1)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: python)
            process.arguments = ["Benchmarks/websocket_clients.py", "check", "ws://127.0.0.1:\(running.port)/v1/prices"]
            let output = Pipe()
            (process.standardOutput, process.standardError) = (output, output)
            let ended = AsyncStream.makeStream(of: Int32.self)
            process.terminationHandler = { ended.continuation.yield($0.terminationStatus) }
            try process.run()
            for await status in ended.stream {
                // A few lines at most, so that reading them afterwards cannot block the process.
                let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                #expect(status == 0 && said == "ok\n", "\(said)")
                break
            }
        }
    }
}
