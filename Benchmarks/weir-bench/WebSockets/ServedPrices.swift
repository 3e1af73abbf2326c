import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import Services
import Trading
import TradingStores

/// The service's side of the benchmark: a process that this program starts of itself.
final class ServedPrices {
    let port: Int
    private let process: Process

    /// What the process uses.
    struct Figures {
        let residentKiB: Int
        let cpuSeconds: Double
        /// TCP buffers of the whole machine.
        let kernelKiB: Int
    }

    static func symbol(_ number: Int) -> String { "S\(number)" }

    /// Starts the process; returns when it listens.
    static func launch(symbols: Int, rate: Int, pace: Int64, connections: Int) throws -> ServedPrices {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "serve-prices", "--symbols", "\(symbols)", "--rate", "\(rate)", "--pace", "\(pace)", "--connections",
            "\(connections)",
        ]
        let (output, input) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            process.terminate()
            throw BenchFailure("the service did not start: '\(line)'")
        }
        return ServedPrices(process, port)
    }

    private init(_ process: Process, _ port: Int) {
        self.process = process
        self.port = port
    }

    var processIdentifier: Int32 { process.processIdentifier }

    func stop() { process.terminate() }
    func wait() { process.waitUntilExit() }

    func usage() throws -> Figures {
        func file(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
        let status = try file("/proc/\(processIdentifier)/status")
        let residentText = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }?.split(separator: " ").dropFirst().first
        // Behind the name in brackets: fields 14 and 15 of proc(5), in ticks of 10 ms.
        let stat = try file("/proc/\(processIdentifier)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        let memory = try file("/proc/net/sockstat").split(separator: "\n").first { $0.hasPrefix("TCP:") }?.split(separator: " ")
            .last
        guard let resident = residentText.flatMap({ Int($0) }), stat.count > 13, let user = Double(stat[11]),
            let system = Double(stat[12]), let pages = memory.flatMap({ Int($0) })
        else { throw BenchFailure("/proc says something else than expected") }
        return Figures(residentKiB: resident, cpuSeconds: (user + system) / 100, kernelKiB: pages * 4)
    }
}

/// The process itself. `seq` is the wall clock in nanoseconds, by which clients know how old a price is.
struct ServePrices: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve-prices", shouldDisplay: false)

    @Option var symbols: Int
    @Option var rate: Int
    @Option var pace: Int64
    @Option var connections: Int

    func run() async throws {
        try OpenFiles.allow(connections)
        let listed = (0..<symbols).compactMap { Symbol(ServedPrices.symbol($0)) }
        let store = MemoryPriceStore()
        var options = MarketDataService.Options()
        options.paceMillis = pace
        options.connectionsMax = connections
        let service = MarketDataService(symbols: listed, prices: store, updates: store, credential: nil, options: options)
        var hostOptions = HTTPHost.Options(name: "market-data")
        hostOptions.limits = service.limits()
        let router = service.router(Health(service.dependencies) { "" })
        let host = HTTPHost(hostOptions, router, server: service.server(hostOptions.limits))
        var quiet = Logger(label: "bench")
        quiet.logLevel = .critical
        let group = ServiceGroup(services: [service, host], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        let rate = rate
        let ticking = Task { try await Self.tick(listed, store, rate) }
        Task { try StandardOutput.line("\(try await host.port())") }
        try await group.run()
        ticking.cancel()
    }

    private static func tick(_ listed: [Symbol], _ store: MemoryPriceStore, _ rate: Int) async throws {
        let began = ContinuousClock.now
        var told = 0
        while true {
            try await Task.sleep(for: .milliseconds(5))
            let due = Int((ContinuousClock.now - began) / .seconds(1) * Double(rate))
            guard due > told else { continue }
            let nanos = WallNanos.now()
            try await store.update(
                (told..<due).map { number in
                    PriceTick(
                        symbol: listed[number % listed.count], price: Price(units: 1_890_000 + Int64(number % 10_000)),
                        seq: nanos + Int64(number - told), timestampMillis: nanos / 1_000_000)
                })
            told = due
        }
    }
}

enum StandardOutput {
    static func line(_ text: String) throws { try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8)) }
}

enum WallNanos {
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
