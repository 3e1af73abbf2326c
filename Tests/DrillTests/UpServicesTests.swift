import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

extension AllDrills {
    /// `weir up` as its user meets it: what it prints is used, and it ends in order while clients still ask.
    @Suite struct UpServicesTests {
        @Test func whatUpPrintsServesOrdersUntilItEnds() async throws {
            let folder = try DrillFolder()
            let log = "\(folder.path)/log.txt"
            let process = try WeirProcess(
                [
                    "up", "--set", "data=\(folder.path)/data", "--checkpoint-dir", "\(folder.path)/checkpoints", "--metrics-port",
                    "0",
                    "--gateway-port", "0", "--set", "orders.rate=50", "--set", "trading.users=20", "--log-format", "json",
                ], log: log)
            let text = try await said(log, containing: "/v1/portfolio -H", process)
            let token = try #require(text.firstMatch(of: #/TOKEN=(\S+)/#)?.1)
            let url = try #require(text.firstMatch(of: #/page +(http:\S+)\//#)?.1)
            #expect(text.firstMatch(of: #/metrics +http://127\.0\.0\.1:[1-9][0-9]*\/metrics/#) != nil, "\(text)")
            let client = Client(url: String(url), token: String(token))
            #expect(try await client.ask(.POST, "/v1/accounts").contains("1000000.00"))
            // Until the first price has come an order is refused, to be repeated.
            let placed = try await eventually {
                try await client.order("1")
            } until: {
                !$0.contains("no-price")
            }
            let id = try #require(placed.firstMatch(of: #/"orderId":"([0-9a-f-]+)"/#)?.1, "\(placed)")
            #expect(try await client.order("1") == placed)
            let filled = try await eventually {
                try await client.ask(.GET, "/v1/orders/\(id)")
            } until: {
                $0.contains("FILLED")
            }
            #expect(filled.contains(#""quantity":10"#))
            #expect(try await client.ask(.GET, "/v1/portfolio").contains(#""quantity":10"#))

            // Orders keep coming while it stops: each is either accepted and decided, or refused.
            let (acceptances, continuation) = AsyncStream.makeStream(of: Void.self)
            let asking = Task {
                defer { continuation.finish() }
                var accepted = 0
                while let answer = try? await client.order("n\(accepted)"), answer.contains("ACCEPTED") {
                    accepted += 1
                    continuation.yield()
                }
                return accepted
            }
            for await _ in acceptances { break }
            let code = try process.stop()
            let accepted = await asking.value
            #expect(code == 0, "exit code \(code); weir said: \(process.lastWords)")
            #expect(accepted > 0)
            let last = try String(contentsOfFile: log, encoding: .utf8)
            #expect(last.contains("all decided") && last.contains("conservation holds"), "\(last.suffix(2000))")
            #expect(!last.split(separator: "\n").contains { $0.hasPrefix("{") && $0.contains(token) }, "a token in the log")
        }

        private func said(_ log: String, containing text: String, _ process: WeirProcess) async throws -> String {
            try await eventually {
                guard process.isRunning else { throw DrillFailure("weir ended by itself: \(process.lastWords)") }
                return (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            } until: {
                $0.contains(text)
            }
        }

        private func eventually(_ read: () async throws -> String, until holds: (String) -> Bool) async throws -> String {
            var last = ""
            for _ in 0..<6000 {
                last = try await read()
                if holds(last) { return last }
                try await Task.sleep(for: .milliseconds(20))
            }
            throw DrillFailure("not within two minutes; last: \(last.suffix(500))")
        }

        private struct Client: Sendable {
            let url: String
            let token: String

            func ask(_ method: HTTPMethod, _ path: String, key: String? = nil, body: String? = nil) async throws -> String {
                var request = HTTPClientRequest(url: url + path)
                request.method = method
                request.headers.add(name: "authorization", value: "Bearer \(token)")
                if let key { request.headers.add(name: "idempotency-key", value: key) }
                if let body {
                    request.headers.add(name: "content-type", value: "application/json")
                    request.body = .bytes(ByteBuffer(string: body))
                }
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
                return String(buffer: try await response.body.collect(upTo: 1 << 20))
            }

            func order(_ key: String) async throws -> String {
                try await ask(
                    .POST, "/v1/orders", key: key, body: #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":10}"#)
            }
        }
    }
}
