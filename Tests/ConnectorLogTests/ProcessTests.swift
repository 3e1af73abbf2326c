import ConnectorLog
import Foundation
import StreamRuntime
import TestKit
import Testing

/// Real processes: one that writes until it is killed, and this one that follows it and then takes over.
@Suite struct ProcessTests {
    private static let folderVariable = "WEIR_LOG_TEST_CHILD_FOLDER"

    private static func records(_ epoch: UInt64) -> [String] {
        (0..<30).map { "@\($0 % 3)=e\(epoch):\($0):" + String(repeating: "x", count: Int(epoch * 7 % 90)) }
    }

    private static func expected(_ epoch: UInt64) -> [[String]] {
        (0..<3).map { partition in
            (0...epoch).dropFirst().flatMap { records($0) }.filter { $0.hasPrefix("@\(partition)") }
        }
    }

    private static func options() -> LogStoreOptions {
        var options = LogStoreOptions()
        options.segmentBytesMax = 20_000
        options.journalBytesMax = 4_000
        options.verification = .everything
        options.followPollMillis = 0
        return options
    }

    /// Not a test by itself: what the child process of the test below runs.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[folderVariable] != nil))
    func childWritesUntilKilled() throws {
        let folder = try #require(ProcessInfo.processInfo.environment[Self.folderVariable])
        let store = try LogStore(path: folder, options: Self.options())
        try store.createTopic("t", partitions: 3)
        var job = try TestJob(store)
        var epoch = job.nextEpoch
        while true {
            try job.write(Self.records(epoch))
            try job.commit(epoch)
            try FileHandle.standardOutput.write(contentsOf: Data("ACK \(epoch)\n".utf8))
            epoch += 1
        }
    }

    @Test func killedProcessLosesNothingAcknowledgedAndTearsNothing() throws {
        let folder = TemporaryFolder()
        var random = SeededGenerator(seed: 11)
        var decided: UInt64 = 0
        for _ in 0..<6 {
            let child = try Child(folder.path, Self.folderVariable)
            let acknowledged = try child.run(acknowledgements: Int.random(in: 1...40, using: &random)) {
                // Another process reads along: every prefix it sees is made of whole epochs' records.
                let follower = try LogStore(path: folder.path, reading: true, options: Self.options())
                for (partition, values) in try contents(follower).enumerated() {
                    let last = UInt64(values.last?.dropFirst(4).prefix { $0 != ":" } ?? "0") ?? 0
                    #expect(values == Self.expected(last)[partition])
                }
            }
            let store = try LogStore(path: folder.path, options: Self.options())
            let found = try store.lastDecision(LogOwner(job: testJob, island: 0))?.decision
            let now = found?.checkpoint.epoch.rawValue ?? 0
            #expect(now >= acknowledged && now <= acknowledged + 1)
            #expect(now > decided)
            #expect(try contents(store) == Self.expected(now))
            decided = now
            store.close()
        }
    }

    /// The test binary, run again to do one test only.
    private struct Child {
        let process = Process()
        let output = Pipe()

        init(_ folder: String, _ variable: String) throws {
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = Self.arguments()
            process.environment = ProcessInfo.processInfo.environment.merging([variable: folder]) { $1 }
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
        }

        /// The arguments this process was given, with another filter.
        private static func arguments() -> [String] {
            var arguments: [String] = []
            var rest = ProcessInfo.processInfo.arguments.dropFirst()
            while let argument = rest.popFirst() {
                if ["--filter", "--skip", "--xunit-output", "--event-stream-output-path"].contains(argument) {
                    _ = rest.popFirst()
                } else {
                    arguments.append(argument)
                }
            }
            if !arguments.contains("--testing-library") { arguments += ["--testing-library", "swift-testing"] }
            return arguments + ["--filter", "childWritesUntilKilled"]
        }

        /// Kills the child with SIGKILL after so many acknowledgements; returns the last one it gave.
        func run(acknowledgements: Int, meanwhile: () throws -> Void) throws -> UInt64 {
            try process.run()
            var text = ""
            var seen = 0
            var last: UInt64 = 0
            func take(_ data: Data) {
                text += String(decoding: data, as: UTF8.self)
                while let end = text.firstIndex(of: "\n") {
                    let line = text[..<end]
                    if line.hasPrefix("ACK "), let epoch = UInt64(line.dropFirst(4)) {
                        last = epoch
                        seen += 1
                    }
                    text = String(text[text.index(after: end)...])
                }
            }
            while seen < acknowledgements {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { break }
                take(data)
            }
            #expect(seen >= acknowledgements, "the child ended by itself: \(text)")
            try meanwhile()
            kill(process.processIdentifier, SIGKILL)
            while case let data = output.fileHandleForReading.availableData, !data.isEmpty { take(data) }
            process.waitUntilExit()
            return last
        }
    }
}
