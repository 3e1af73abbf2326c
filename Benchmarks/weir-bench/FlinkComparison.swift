import ArgumentParser
import Foundation

/// The same jobs on Weir and on Apache Flink (`Benchmarks/flink/SameWork.java`), run in turn; the checksums of both must be right.
/// `scripts/compare-flink` installs and compiles what this needs.
struct FlinkComparison: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flink", abstract: "Run the same jobs on Weir and on Apache Flink, and compare.")

    @Argument(help: "pass-through, keyed-count-heap, keyed-count-rocksdb, windows, sliding-windows; default: all.")
    var names: [String] = []
    @Option(help: "Java's class path: Flink's jars, and SameWork.") var classPath: String
    @Option(help: "Counted runs of each.") var runs = 3
    @Option(help: "Worker threads, parallelism, slots.") var threads = 2
    @Option(help: "Flink's heap (java -Xmx).") var heap = "2g"

    /// So much less than the measurement's full size that Flink takes tens of seconds, long enough for its compiler to be done.
    private static let divisors: [(Measurement, Int)] = [
        (.passThrough, 6), (.keyedCountHeap, 4), (.keyedCountRocksDB, 20), (.windows, 2), (.slidingWindows, 4),
    ]

    func run() throws {
        for name in names where !Self.divisors.contains(where: { $0.0.rawValue == name }) {
            throw ValidationError("'\(name)' has no counterpart; \(Self.divisors.map(\.0.rawValue).joined(separator: ", ")) have")
        }
        print("\(Suite.machine()), \(threads) threads, \(runs) runs each, medians (min … max)")
        for (measurement, divisor) in Self.divisors where names.isEmpty || names.contains(measurement.rawValue) {
            // In turn, so that a drifting machine is fair to both.
            let pairs = try (0..<runs).map { _ in
                (try measurement.once(threads: threads, divisor: divisor), try onFlink(measurement, divisor: divisor))
            }
            print("weir   \(measurement.summary(pairs.map(\.0)))")
            print("flink  \(measurement.summary(pairs.map(\.1)))")
            func median(_ ratio: (Measurement.Result, Measurement.Result) -> Double) -> String {
                let sorted = pairs.map(ratio).sorted()
                return String(format: "%.1f", sorted[sorted.count / 2])
            }
            print(
                "  weir / flink, pair by pair: \(median { $0.perSecond / $1.perSecond }) times the records a second; flink / weir: "
                    + "\(median { $1.cpuNanosPerRecord / $0.cpuNanosPerRecord }) times the CPU a record, "
                    + "\(median { $1.peakMemoryMiB / $0.peakMemoryMiB }) times the memory")
        }
    }

    private struct Checksum: Decodable {
        let checksum: Int64
    }

    private func onFlink(_ measurement: Measurement, divisor: Int) throws -> Measurement.Result {
        let records = measurement.records / divisor
        let folder = NSTemporaryDirectory() + "weir-bench-flink-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "java", "-Xmx\(heap)", "-Dlog4j2.level=ERROR", "-cp", classPath, "SameWork", measurement.rawValue, "\(records)",
            "\(threads)", folder,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchFailure("\(measurement.rawValue): Flink's run ended with \(process.terminationStatus)")
        }
        let (found, expected) = (
            try JSONDecoder().decode(Checksum.self, from: bytes).checksum, measurement.checksum(Int64(records), operation: "sum")
        )
        guard found == expected else {
            throw BenchFailure("\(measurement.rawValue): Flink's checksum is \(found), expected \(expected)")
        }
        var result = try JSONDecoder().decode(Measurement.Result.self, from: bytes)
        result.note = "\(result.checkpoints) checkpoints"
        return result
    }
}
