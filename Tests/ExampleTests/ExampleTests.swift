import Foundation
import StreamRuntimeTesting
import TestKit
import Testing

/// Every example is run as a user runs it, `weir run NAME`, with another parallelism and backend each time; what it prints is
/// compared with a file, sorted, because subtasks print side by side.
@Suite struct ExampleTests {
    struct Run: Sendable, CustomStringConvertible {
        let job: String
        var parallelism = 1
        var backend = "heap"
        var description: String { "\(job) × \(parallelism) on \(backend)" }
    }

    struct Failed: Error {
        let run: Run
        let status: Int32
        let log: String
    }

    static let runs = [
        "abandoned-carts", "ad-click-through", "audit-trail", "clickstream-sessions", "credit-checks", "currency-conversion",
        "deduplication", "delivery-quotes", "device-twins", "enrichment", "fraud-pattern", "hot-items", "leaderboard",
        "orders-with-shipments", "parcel-belts", "price-candles", "river-gauges", "sensor-fleet", "word-count",
    ].flatMap { [Run(job: $0), Run(job: $0, parallelism: 2, backend: "rocksdb")] }

    @Test(arguments: runs) func printsWhatIsExpected(_ run: Run) throws {
        try expectGolden(try Self.output(run).sorted(), file: "Golden/\(run.job).txt")
    }

    /// Readings and limits race, as they would: what is certain is that every alarm is one by a limit there has been.
    @Test func alarmsAreAboveALimit() throws {
        let alarms = try Self.output(Run(job: "alert-rules", parallelism: 2))
        #expect(!alarms.isEmpty)
        for alarm in alarms {
            let words = alarm.split(separator: " ")
            let (quantity, value, limit) = (words[2], Int(words[3]) ?? 0, Int(words[6]) ?? 0)
            #expect(value > limit, "\(alarm)")
            #expect((quantity == "temperature" ? [95, 98] : [97]).contains(limit), "\(alarm)")
        }
    }

    /// Which calls are in one window depends on the machine; that each of them is in one does not.
    @Test func everyCallIsCountedOnce() throws {
        var calls: [Substring: Int] = [:]
        for line in try Self.output(Run(job: "service-load", parallelism: 2)) {
            let words = line.split(separator: " ")
            calls[words[1], default: 0] += Int(words[2]) ?? 0
        }
        #expect(calls == ["/search:": 137, "/item:": 144, "/cart:": 158, "/pay:": 161])
    }

    @Test func wordCountReadsAFile() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("text.txt", "one two\ntwo")
        let lines = try Self.output(Run(job: "word-count"), ["--set", "word-count.file=\(file)"])
        #expect(lines.sorted() == ["one 1", "two 1", "two 2"])
    }

    /// It has no end, so it is asked to stop once everything has been counted.
    @Test(arguments: [Run(job: "order-topic"), Run(job: "order-topic", parallelism: 2, backend: "rocksdb")])
    func ordersComeThroughTheTopic(_ run: Run) throws {
        try expectGolden(try Self.output(run, stoppedAfter: 120).sorted(), file: "Golden/order-topic.txt")
    }

    @Test func everyExampleIsListed() throws {
        let examples = Self.root.appendingPathComponent("Examples")
        let page = try String(contentsOf: examples.appendingPathComponent("README.md"), encoding: .utf8)
        let files = try FileManager.default.contentsOfDirectory(atPath: examples.appendingPathComponent("Jobs").path)
        let names = try files.filter { $0.hasSuffix(".swift") }.compactMap { file in
            try String(contentsOf: examples.appendingPathComponent("Jobs/\(file)"), encoding: .utf8)
                .firstMatch(of: /static let name = "([a-z-]+)"/).map { String($0.1) }
        }
        #expect(names.count > 20)
        for name in names { #expect(page.contains("\n| `\(name)` |"), "\(name) is not in Examples/README.md") }
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `stoppedAfter`: how many lines a job prints that does not end by itself.
    private static func output(
        _ run: Run, _ arguments: [String] = [], stoppedAfter lineCount: Int? = nil
    ) throws -> [String] {
        let folder = TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weir"))
        process.arguments =
            [
                "run", run.job, "--metrics-port", "0", "--parallelism", String(run.parallelism), "--state-backend", run.backend,
                "--checkpoint-dir", folder.path + "/checkpoints", "--checkpoint-interval", "20ms",
            ] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let output = Pipe()
        process.standardOutput = output
        let log = try folder.write("log", "")
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        var printed = Data()
        if let lineCount {
            while printed.count(where: { $0 == UInt8(ascii: "\n") }) < lineCount {
                let more = output.fileHandleForReading.availableData
                if more.isEmpty { break }
                printed += more
            }
            process.terminate()
        }
        printed += output.fileHandleForReading.readDataToEndOfFile()
        let text = String(decoding: printed, as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(run: run, status: process.terminationStatus, log: try String(contentsOfFile: log, encoding: .utf8))
        }
        return text.split(separator: "\n").map(String.init)
    }
}
