import Foundation
import StreamRuntime

/// What can be measured.
enum Measurement: String, CaseIterable {
    case passThrough = "pass-through"
    case keyedCountHeap = "keyed-count-heap"
    case keyedCountRocksDB = "keyed-count-rocksdb"
    case windows
    case slidingWindows = "sliding-windows"
    case sessions
    case maps
    case largeMaps = "large-maps"
    case start, restart, trades
    case kafkaCopy = "kafka-copy"
    case kafkaBare = "kafka-bare"

    /// What one run found.
    struct Result: Codable {
        var records = 0
        var seconds = 0.0
        var cpuSeconds = 0.0
        var checkpoints = 0
        var firstRecordSeconds = 0.0
        var peakMemoryMiB = 0.0
        var note = ""

        var perSecond: Double { seconds > 0 ? Double(records) / seconds : 0 }
        var cpuNanosPerRecord: Double { records > 0 ? cpuSeconds / Double(records) * 1e9 : 0 }
    }

    /// How many records a run at full size has; 0 where time is measured, not throughput.
    var records: Int {
        switch self {
        case .passThrough: 600_000_000
        case .keyedCountHeap, .keyedCountRocksDB: 100_000_000
        case .windows, .slidingWindows: 40_000_000
        case .sessions: 20_000_000
        case .maps, .largeMaps: 10_000_000
        case .trades, .kafkaCopy, .kafkaBare: 200_000
        case .start, .restart: 0
        }
    }

    /// What the sums of the results of an engine's job come to.
    func checksum(_ records: Int64, operation: String) -> Int64 {
        switch self {
        case .passThrough: PassThrough.expected(operation, records)
        case .keyedCountHeap, .keyedCountRocksDB: KeyedCount.expected(records, keys: KeyedCount.keys)
        case .windows: WindowedCount.expected(records, slides: false)
        case .slidingWindows: WindowedCount.expected(records, slides: true)
        case .sessions: records
        case .maps, .largeMaps: KeyedCount.expected(records, keys: MapCount.entries)
        case .start, .restart, .trades, .kafkaCopy, .kafkaBare: 0
        }
    }

    /// One counted run, in a process of its own on a fresh folder.
    func once(threads: Int, divisor: Int) throws -> Result {
        let folder = NSTemporaryDirectory() + "weir-bench-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        if self == .restart { try killAfterCheckpoints(folder, threads) }
        let process = try child(self, folder, threads, divisor)
        let output = process.standardOutput as? Pipe
        let bytes = output?.fileHandleForReading.readDataToEndOfFile() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchFailure("\(rawValue): the run ended with \(process.terminationStatus)")
        }
        return try JSONDecoder().decode(Result.self, from: bytes)
    }

    private func child(_ measurement: Measurement, _ folder: String, _ threads: Int, _ divisor: Int) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [
            "child", measurement.rawValue, "--folder", folder, "--threads", "\(threads)", "--divisor", "\(divisor)",
            "--started-nanos", "\(SystemClock().monotonicNanos())",
        ]
        process.standardOutput = Pipe()
        try process.run()
        return process
    }

    /// Leaves a folder with decided checkpoints of a job that was killed while it ran.
    private func killAfterCheckpoints(_ folder: String, _ threads: Int) throws {
        let process = try child(.restart, folder, threads, 0)
        let job = JobID(namespace: "default", jobName: Endless.name)
        let checkpoints = "\(folder)/checkpoints/\(job)"
        let deadline = Date(timeIntervalSinceNow: 30)
        while ((try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []).count < 4 {
            guard Date() < deadline else { throw BenchFailure("restart: no checkpoint within 30 s") }
            usleep(20_000)
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func summary(_ results: [Result]) -> String {
        func row(_ values: [Double], _ unit: String, _ scale: Double = 1) -> String {
            let sorted = values.map { $0 * scale }.sorted()
            func text(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }
            return "\(text(sorted[sorted.count / 2])) \(unit) (\(text(sorted[0])) … \(text(sorted[sorted.count - 1])))"
        }
        var parts: [String] = []
        switch self {
        case .start, .restart:
            parts.append(row(results.map(\.firstRecordSeconds), "s to the first record"))
        case .trades, .kafkaCopy, .kafkaBare:
            parts.append(row(results.map(\.perSecond), self == .trades ? "k orders/s" : "k records/s", 1e-3))
            parts.append(row(results.map(\.cpuNanosPerRecord), self == .trades ? "µs CPU/order" : "µs client CPU/record", 1e-3))
        default:
            parts.append(row(results.map(\.perSecond), "M records/s", 1e-6))
            parts.append(row(results.map(\.cpuNanosPerRecord), "CPU-ns/record"))
        }
        parts.append(row(results.map(\.peakMemoryMiB), "MiB peak"))
        if let note = results.last?.note, !note.isEmpty { parts.append(note) }
        return rawValue.padding(toLength: 22, withPad: " ", startingAt: 0) + parts.joined(separator: "; ")
    }
}

struct BenchFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
