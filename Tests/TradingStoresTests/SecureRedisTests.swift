import Foundation
import StoreKit
import TestKit
import TestServers
import Testing
import Trading
import TradingStores

/// A Redis of the tests' own that speaks TLS only, wants a password, and shows a certificate for `localhost` that no system
/// trusts.
private final class SecureRedis {
    static let password = "p@ss of the test"
    private let folder = TemporaryFolder()
    let port: Int
    private let process = Process()

    init() throws {
        try Self.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(folder.path)/key.pem",
            "-out", "\(folder.path)/certificate.pem",
        ])
        port = try freePort()  // no sooner: another process may take it meanwhile
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "redis-server", "--bind", "127.0.0.1", "::1", "--port", "0", "--tls-port", "\(port)", "--tls-cert-file",
            "\(folder.path)/certificate.pem", "--tls-key-file", "\(folder.path)/key.pem", "--tls-ca-cert-file",
            "\(folder.path)/certificate.pem", "--tls-auth-clients", "no", "--requirepass", Self.password, "--save", "",
            "--dir", folder.path, "--daemonize", "no",
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)  // SIGTERM may be blocked in it, as in the thread that started it
        process.waitUntilExit()
    }

    /// `rediss://` with everything that is needed; `host` and what comes after it may be wrong on purpose.
    func url(password: String = "p%40ss%20of%20the%20test", host: String = "localhost", query: String? = nil) -> String {
        "rediss://:\(password)@\(host):\(port)/2" + (query ?? "?ca=\(folder.path)/certificate.pem")
    }

    private static func run(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command[0]) failed: is it installed?")
    }
}

@Suite(.timeLimit(.minutes(5))) struct SecureRedisTests {
    private static let policy = RetryPolicy(baseMillis: 20, capMillis: 200, attemptsMax: 1_200)

    private func tick(_ seq: Int64) -> PriceTick {
        PriceTick(symbol: Symbol("AAPL")!, price: Price(units: 1_892_500), seq: seq, timestampMillis: 5)
    }

    /// Returns when the server takes connections.
    private func openWhenUp(_ url: String) async throws -> any PriceStore {
        let store = try PriceStores.open(url)
        _ = try await Self.policy.run { () async throws(StoreError) in try await store.latest(Symbol("AAPL")!) }
        return store
    }

    @Test func pricesAreWrittenReadAndHeardOverTLSWithAPassword() async throws {
        let redis = try SecureRedis()
        let store = try await openWhenUp(redis.url())
        let (heard, hear) = AsyncStream.makeStream(of: PriceUpdate.self)
        let subscription = try PriceStores.updates(redis.url(), of: store).subscribe { hear.yield($0) }
        var updates = heard.makeAsyncIterator()
        #expect(await updates.next() == .listening)
        // More than fits into any one record or buffer on the way.
        let ticks = (1...20_000).map { tick($0) }
        #expect(try await store.update(ticks) == 20_000)
        #expect(try await store.latest(Symbol("AAPL")!)?.seq == 20_000)
        var last: Int64 = 0
        while last < 20_000, case .changed(let ticks)? = await updates.next() {
            #expect(ticks.first?.seq == last + 1)
            last = ticks.last?.seq ?? 0
        }
        #expect(last == 20_000)
        await subscription.end()
        await store.close()
    }

    /// None of them says the password.
    @Test func aServerThatCannotBeTrustedAndAWrongPasswordAreRefused() async throws {
        let redis = try SecureRedis()
        await (try openWhenUp(redis.url())).close()
        for (url, words) in [
            (redis.url(query: ""), "TLS"), (redis.url(host: "127.0.0.1"), "TLS"), (redis.url(password: "wrong%20one"), "AUTH"),
        ] {
            let store = try PriceStores.open(url)
            do {
                _ = try await store.latest(Symbol("AAPL")!)
                Issue.record("\(url) was let in")
            } catch {
                let text = "\(error)"
                #expect(text.contains(words) && !text.contains("wrong one") && !text.contains("p@ss"), "\(text)")
            }
            await store.close()
        }
    }

    @Test(arguments: [
        "rediss://:hunter22@host:1/x", "rediss://:hunt%65r22@host:1?nothing=1", "redis://:hunter22@host?ca=/x",
        "rediss://:hunter22@host:1?timeout-ms=0", "redisx://:hunter22@host", "redis://:hunter22@[host",
    ])
    func aWrongURLIsRefusedWithoutItsPassword(_ url: String) {
        let error = #expect(throws: StoreError.self) { try PriceStores.open(url) }
        #expect(error.map { !"\($0)".contains("hunter22") && !"\($0)".contains("hunt%65r22") } == true)
    }
}
