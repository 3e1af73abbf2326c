import Drills
import Foundation
import TestServers
import Testing

extension AllDrills {
    /// `weir drill`, as its user runs it. The drill itself says whether anything was lost, doubled or reordered; here it is looked
    /// at that it did what it was asked for.
    @Suite struct DrillCommandTests {
        @Test func countsOnTheEmbeddedLogOutliveKillsStandstillsAndAFullDisk() throws {
            let folder = try DrillFolder()
            let report = try drill(
                ["counts", "--stop-cont", "--disk-full", "--restarts", "--report", "\(folder.path)/report.html"],
                kills: DrillSize.pick(50, 200), every: "400ms", folder)
            #expect(report.findings.inputs > 1_000)
            #expect(report.findings.outputs == report.findings.inputs)
            #expect(report.recovery.first { $0.kind == .kill }?.p99Millis != nil)
            let kinds = Set(report.troubles.map(\.kind))
            #expect(kinds == [.kill, .standstill, .fullDisk, .restart])
            let page = try String(contentsOfFile: "\(folder.path)/report.html", encoding: .utf8)
            #expect(page.contains("<svg") && page.contains("PASSED"))
            print("drill counts, embedded: \(report.text)")
        }

        @Test func tradesOnTheEmbeddedLogOutliveKillsAtThePointsOfTheProtocol() throws {
            let folder = try DrillFolder()
            let report = try drill(
                ["trade-execution", "--inject", "point=any,probability=0.004", "--report", "\(folder.path)/report.md"], kills: 5,
                every: "1s", folder)
            #expect(report.findings.outputs > 1_000)
            #expect(
                try String(contentsOfFile: "\(folder.path)/report.md", encoding: .utf8).hasPrefix(
                    "# Drill of trade-execution: PASSED"))
            print("drill trade-execution, embedded: \(report.text)")
        }

        @Test func aProcessThatIsSparedLivesOn() throws {
            let folder = try DrillFolder()
            let report = try drill(
                ["counts", "--for", "8s", "--spare-after", "1ms", "--stop-cont"], kills: nil, every: "400ms", folder)
            #expect(Set(report.troubles.map(\.kind)) == [.standstill])
            #expect(report.findings.outputs == report.findings.inputs)
        }

        /// A broker of its own, which is restarted (SIGTERM; it keeps its data) while the job is stopped: the stand-in forgets open
        /// transactions, which no real broker does.
        @Test func countsOnKafkaOutliveKillsAndRestartsOfTheBroker() async throws {
            let folder = try DrillFolder()
            let servers = "\(SourceTree.root)/scripts/servers"
            let port = try run(servers, ["kafka-fresh"], folder).trimmingCharacters(in: .whitespacesAndNewlines)
            let number = try #require(Int(port.split(separator: "\n").last ?? ""), "scripts/servers kafka-fresh said '\(port)'")
            let proxy = try await BrokerProxy(to: number)
            let report = try drill(
                [
                    "counts", "--set", "transport=kafka://127.0.0.1:\(proxy.port)", "--set", "drill.rate=1000",
                    "--broker-restart", "\(servers) restart kafka-fresh-\(number)", "--stop-for-broker",
                ], kills: DrillSize.pick(20, 100), every: "1500ms", folder)
            await proxy.stop()
            _ = try run(servers, ["down", "kafka-fresh-\(number)"], folder)
            #expect(report.findings.outputs == report.findings.inputs)
            #expect(report.troubles.count { $0.kind == .brokerRestart } >= 4)
            print("drill counts, Kafka: \(report.text)")
        }

        @Test func aDrillThatDoesNotExistIsRefusedWithThoseThatDo() throws {
            let folder = try DrillFolder()
            let process = try WeirProcess(["drill", "nothing"], log: "\(folder.path)/log.txt")
            #expect(try process.waitUntilExit() == 2)
            #expect(process.lastWords.contains("there is no drill of 'nothing'") && process.lastWords.contains("counts:"))
        }

        @Test func aJobThatDoesNotGoOnFailsTheDrillAndLeavesItsFolder() throws {
            let folder = try DrillFolder()
            let process = try WeirProcess(
                [
                    "drill", "counts", "--kills", "1", "--dir", "\(folder.path)/drill", "--set", "restart.strategy=none",
                    "--inject",
                    "point=barrier,action=fail",
                ], log: "\(folder.path)/log.txt")
            #expect(try process.waitUntilExit() == 1)
            #expect(process.lastWords.contains("FAILED"), "\(process.lastWords)")
            #expect(FileManager.default.fileExists(atPath: "\(folder.path)/drill/process.txt"))
        }

        @Test func aJobOfAnotherExecutableThatDoublesRecordsIsCaught() throws {
            let folder = try DrillFolder()
            let process = try WeirProcess(
                ["drill", "append", "--kills", "4", "--dir", "\(folder.path)/drill", "--output", "json"],
                log: "\(folder.path)/log.txt", product: "drill-fixture")
            #expect(try process.waitUntilExit() == 1)
            let report = try readReport(in: "\(folder.path)/log.txt")
            #expect(!report.isPassed && report.findings.duplicated > 0 && report.findings.lost == 0)
        }

        // MARK: Running it

        private func drill(_ arguments: [String], kills: Int?, every: String, _ folder: DrillFolder) throws -> DrillReport {
            let output = "\(folder.path)/drill.txt"
            let process = try WeirProcess(
                ["drill"] + arguments + (kills.map { ["--kills", "\($0)"] } ?? []) + [
                    "--every", every, "--seed", "\(DrillSize.seed)", "--output", "json", "--dir",
                    "\(folder.path)/drill",
                ], log: output)
            let code = try process.waitUntilExit(withinSeconds: DrillSize.pick(400, 3_600))
            let text = try String(contentsOfFile: output, encoding: .utf8)
            try #require(code == 0, "seed \(DrillSize.seed), exit code \(code): \(text.suffix(3000))")
            let report = try readReport(in: output)
            #expect(report.isPassed && report.findings.isExactlyOnce)
            #expect(report.troubles.count { $0.kind == .kill && $0.note == nil } == kills ?? 0)
            return report
        }

        /// Progress and errors go to standard error, which is the same file here: the document begins and ends with lines of its own.
        private func readReport(in path: String) throws -> DrillReport {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let begin = try #require(text.range(of: "\n{\n"), "no report in \(text.suffix(1000))")
            let end = try #require(text.range(of: "\n}\n", options: .backwards), "no whole report in \(text.suffix(1000))")
            let document = text[text.index(after: begin.lowerBound)..<end.upperBound]
            return try JSONDecoder().decode(DrillReport.self, from: Data(document.utf8))
        }

        private func run(_ command: String, _ arguments: [String], _ folder: DrillFolder) throws -> String {
            let output = "\(folder.path)/command.txt"
            let process = try ChildProcess(
                "/bin/bash", ["-c", #"exec "$@" 2>/dev/null"#, "bash", command] + arguments, log: output)
            let code = try process.waitUntilExit()
            let text = try String(contentsOfFile: output, encoding: .utf8)
            try #require(code == 0, "\(command) \(arguments) ended with \(code); \(KafkaSide.missing)")
            return text
        }
    }
}

/// The repository that this test was built from.
enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
}
