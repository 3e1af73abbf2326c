import ArgumentParser
import Foundation
import NIOCore
import NIOPosix

/// Many WebSockets on one Market Data Service: memory of each, prices a second, time from store to client.
///
/// The service is a process of its own, so that its memory and processor time are its own; the clients are in this one.
struct WebSocketBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "websockets", abstract: "Measure the Market Data Service with many WebSocket clients.")

    @Option(help: "Clients.") var connections = 10_000
    @Option(help: "Listed symbols.") var symbols = 64
    @Option(help: "Symbols each client subscribes to.") var subscribed = 4
    @Option(help: "Price changes a second, over all symbols.") var rate = 200
    @Option(help: "The service's pace in ms: changes within it are sent once.") var pace: Int64 = 50
    @Option(help: "Seconds to measure.") var seconds = 10
    @Flag(help: "Run the service only and print its port: for clients of your own.") var serveOnly = false

    func validate() throws {
        guard connections > 0, (1...symbols).contains(subscribed), rate > 0, seconds > 0 else {
            throw ValidationError("connections, rate and seconds are above zero, subscribed is at most symbols")
        }
    }

    func run() async throws {
        try OpenFiles.allow(connections)
        let server = try ServedPrices.launch(symbols: symbols, rate: rate, pace: pace, connections: connections)
        defer { server.stop() }
        if serveOnly {
            print(
                "ws://127.0.0.1:\(server.port)/v1/prices serves \(ServedPrices.symbol(0)) to \(ServedPrices.symbol(symbols - 1)); Ctrl-C ends"
            )
            return server.wait()
        }
        print(
            "\(connections) clients, \(subscribed) of \(symbols) symbols each, \(rate) changes/s, pace \(pace) ms, process \(server.processIdentifier)"
        )
        let before = try server.usage()
        let crowd = Crowd(symbols: symbols, subscribed: subscribed)
        let began = ContinuousClock.now
        try await crowd.connect(connections, port: server.port)
        let opened = ContinuousClock.now - began
        // What connecting has left behind is not what a connection costs.
        try await Task.sleep(for: .seconds(2))
        let idle = try server.usage()
        crowd.startCounting()
        let (startCPU, startOwn, start) = (idle.cpuSeconds, Usage.cpuSeconds(), ContinuousClock.now)
        try await Task.sleep(for: .seconds(seconds))
        let count = crowd.stopCounting()
        let took = (ContinuousClock.now - start) / .seconds(1)
        let busy = try server.usage()
        let resident = Double(idle.residentKiB - before.residentKiB) / Double(connections)
        let kernel = Double(idle.kernelKiB - before.kernelKiB) / Double(connections)
        let wanted = Double(rate) * Double(connections) * Double(subscribed) / Double(symbols)
        let told = Double(count.prices) / took
        let (service, clients) = ((busy.cpuSeconds - startCPU) / took, (Usage.cpuSeconds() - startOwn) / took)
        func text(_ value: Double, _ digits: Int = 1) -> String { String(format: "%.\(digits)f", value) }
        print("opened     \(text(opened / .seconds(1))) s for all")
        print("memory     \(text(resident)) KiB a connection, and \(text(kernel)) KiB in the kernel for both ends")
        print(
            "           service \(before.residentKiB / 1024) → \(idle.residentKiB / 1024) MiB resident, \(busy.residentKiB / 1024) MiB after the run"
        )
        print(
            "prices     \(Int(told))/s to clients in \(count.reads / seconds) reads/s: \(Int(100 * told / wanted)) % of all changes, the rest conflated"
        )
        print(
            "latency    p50 \(text(count.millis(0.5))) ms, p99 \(text(count.millis(0.99))) ms, max \(text(count.millis(1))) ms from the price store to the clients"
        )
        print("processor  service \(text(service, 2)) cores, clients \(text(clients, 2)) cores")
        print("lost       \(crowd.lost) connections")
        guard crowd.lost == 0 else { throw BenchFailure("\(crowd.lost) connections ended during the run") }
    }
}

/// The number of files a process may have open.
enum OpenFiles {
    /// Raises the limit as far as it may be; throws what to do when that is not enough for `connections`.
    static func allow(_ connections: Int) throws {
        let needed = UInt64(connections) + 200
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        if limit.rlim_cur < needed, limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        guard limit.rlim_cur >= needed else {
            throw ValidationError(
                "\(connections) connections need \(needed) open files, and a process here may have \(limit.rlim_cur): "
                    + "run 'ulimit -n \(needed)' in this shell first (as root: the hard limit stands in the way), or measure "
                    + "with --connections \(limit.rlim_cur - 200)")
        }
    }
}
