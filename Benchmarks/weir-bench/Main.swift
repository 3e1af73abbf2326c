import ArgumentParser
import Foundation
import StateRocksDB
import StreamRuntime

/// Measures Weir on this machine: every figure of the README comes from here.
///
/// Each run is a process of its own, so that memory and start-up are its own too; a figure is the median of
/// the runs, and the spread is printed beside it.
@main
struct WeirBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir-bench", abstract: "Measure Weir on this machine.",
        subcommands: [Suite.self, FlinkComparison.self, WebSocketBenchmark.self, Child.self, ServePrices.self],
        defaultSubcommand: Suite.self)
}

/// All measurements, or those named.
struct Suite: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "suite", abstract: "Run measurements and print medians.")

    @Argument(help: "\(Measurement.allCases.map(\.rawValue).joined(separator: ", ")); default: all.")
    var names: [String] = []
    @Option(help: "Counted runs of each.") var runs = 5
    @Option(help: "Worker threads and parallelism.") var threads = 2
    @Option(help: "Divide the amount of work by this.") var quick = 1

    func run() throws {
        let chosen = names.isEmpty ? Measurement.allCases.map(\.rawValue) : names
        print("\(Self.machine()), \(threads) threads, \(runs) runs each, medians (min … max)")
        for name in chosen {
            guard let measurement = Measurement(rawValue: name) else {
                throw ValidationError(
                    "there is no measurement '\(name)'; there are \(Measurement.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            if measurement == .kafkaBare, chosen.contains(Measurement.kafkaCopy.rawValue) { continue }
            let results = try (0..<runs).map { _ in
                (
                    try measurement.once(threads: threads, divisor: quick),
                    // In turn with the bare client, so that a drifting machine is fair to both.
                    measurement == .kafkaCopy ? try Measurement.kafkaBare.once(threads: threads, divisor: quick) : nil
                )
            }
            print(measurement.summary(results.map(\.0)))
            let bare = results.compactMap(\.1)
            if !bare.isEmpty {
                print(Measurement.kafkaBare.summary(bare))
                let ratios = results.compactMap { own, other in other.map { own.perSecond / $0.perSecond } }.sorted()
                print("  copy / bare: \(String(format: "%.2f", ratios[ratios.count / 2])), pair by pair")
            }
        }
    }

    static func machine() -> String {
        let cpu = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
            .split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
            .map { $0.trimmingCharacters(in: .whitespaces) }
        return
            "\(cpu ?? "unknown processor"), \(ProcessInfo.processInfo.activeProcessorCount) cores, \(Date().formatted(.iso8601.year().month().day()))"
    }
}

/// One run in this process; prints one JSON line.
struct Child: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "child", shouldDisplay: false)

    @Argument var measurement: String
    @Option var folder: String
    @Option var threads = 2
    @Option var divisor = 1
    /// CLOCK_MONOTONIC when the parent started this process.
    @Option var startedNanos: Int64 = 0

    func run() throws {
        guard let measurement = Measurement(rawValue: measurement) else { throw ValidationError("unknown measurement") }
        let work = Work(folder: folder, threads: threads, divisor: max(1, divisor), startedNanos: startedNanos)
        let result = try work.perform(measurement)
        print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
    }
}
