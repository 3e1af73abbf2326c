import Foundation
import StreamRuntime
import TestKit
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Whole commands as processes: what is printed, and the exit codes.
@Suite struct CommandTests {
    let fixture = Fixture(folder: TemporaryFolder())
    private let jobID = JobID(namespace: "default", jobName: "count-numbers")
    private let base = [
        "run", "count-numbers", "--set", "count-numbers.output=out.txt", "--metrics-port", "0", "--checkpoint-interval", "50ms",
    ]

    private func lines() -> [String] {
        let text = (try? String(contentsOfFile: fixture.folder.path + "/out.txt", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    private func manifests() -> [String] {
        let folder = "\(fixture.folder.path)/checkpoints/\(jobID)"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".manifest") }
    }

    /// Every key's totals are 1, 2, 3, … without a gap or a repetition.
    private func expectExactTotals() {
        var totals: [Substring: Int] = [:]
        for line in lines() {
            let words = line.split(separator: " ")
            #expect(Int(words[1]) == totals[words[0], default: 0] + 1, "\(line)")
            totals[words[0]] = Int(words[1])
        }
        #expect(totals.count == 10)
    }

    // MARK: run

    @Test func sigtermStopsInOrderAndARestartGoesOn() async throws {
        let first = try fixture.start(base)
        try await eventually("records and a checkpoint") { lines().count > 200 && !manifests().isEmpty }
        first.send(SIGTERM)
        let stopped = try await first.result()
        #expect(stopped.code == 0, "\(stopped.errors)")
        #expect(stopped.errors.contains("\"message\":\"stopping: taking a final checkpoint"))
        #expect(stopped.errors.contains("\"message\":\"job finished\""))
        let before = lines().count
        expectExactTotals()

        let second = try await fixture.run(base) { lines().count > before }
        #expect(second.code == 0, "\(second.errors)")
        #expect(second.errors.contains("\"message\":\"restoring\""))
        #expect(lines().count > before)
        expectExactTotals()
    }

    /// From the first moment at which the process says anything: nothing may have been read yet.
    @Test(arguments: [0, 5, 20, 60, 150]) func sigtermInTheFirstMomentsEndsInOrder(_ millis: Int) async throws {
        let running = try fixture.start(base + ["--log-format", "json"])
        try await eventually("it says something") { !running.errors.isEmpty }
        try await Task.sleep(for: .milliseconds(millis))
        running.send(SIGTERM)
        let result = try await running.result()
        #expect(result.code == 0, "\(result.errors)")
        // Each of the ten digits once, at least.
        let next = try await fixture.run(base) { lines().count >= 10 }
        #expect(next.code == 0, "\(next.errors)")
        expectExactTotals()
    }

    @Test func aSecondInterruptEndsAtOnce() async throws {
        let running = try fixture.start(["run", "stuck", "--metrics-port", "0", "--log-format", "json"])
        try await eventually("it starts") { running.errors.contains("starting from the beginning") }
        running.send(SIGINT)
        try await eventually("it hears the first") { running.errors.contains("stopping: taking a final checkpoint") }
        #expect(running.process.isRunning)
        running.send(SIGINT)
        let result = try await running.result()
        #expect(result.code == 130)
        #expect(result.errors.contains("the job goes on from its last checkpoint"))
    }

    @Test func aJobWithAnEndExitsByItself() async throws {
        let result = try await fixture.run(["run", "empty", "--metrics-port", "0", "--log-format", "json"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(!result.errors.isEmpty)
        for line in result.errors.split(separator: "\n") {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "\(line)")
        }
    }

    @Test func aJobRunsOncePerCheckpointFolder() async throws {
        let first = try fixture.start(base)
        try await eventually("it runs") { !manifests().isEmpty }
        let second = try await fixture.run(base)
        #expect(second.code == 1)
        #expect(second.errors.contains("runs already on checkpoints, as process \(first.process.processIdentifier)"))
        first.send(SIGTERM)
        #expect(try await first.result().code == 0)
    }

    @Test func recoveryThatWouldBreakStateIsRefusedWithExitCode3() async throws {
        #expect(try await fixture.run(base) { !lines().isEmpty && !manifests().isEmpty }.code == 0)
        let refused = try await fixture.run(base + ["--set", "parallelism.max=64"])
        #expect(refused.code == 3, "\(refused.errors)")
        #expect(refused.errors.contains("written with 128 key groups, the job has 64"))
        #expect(refused.errors.contains("--set parallelism.max=128"))
    }

    @Test func aRunStartsFromACheckpointByItsEpoch() async throws {
        #expect(try await fixture.run(base) { !lines().isEmpty && manifests().count >= 3 }.code == 0)
        let oldest = try #require(manifests().min()?.split(separator: "-")[1])
        let epoch = try #require(UInt64(oldest))
        let refused = try await fixture.run(base + ["--from-checkpoint", "\(epoch)"])
        #expect(refused.code == 3 && refused.errors.contains("--accept-replay"), "\(refused.errors)")
        let result = try await fixture.run(base + ["--from-checkpoint", "\(epoch)", "--accept-replay", "--for", "200ms"])
        #expect(result.code == 0, "\(result.errors)")
        let unknown = try await fixture.run(base + ["--from-checkpoint", "999999"])
        #expect(unknown.code == 2)
        #expect(unknown.errors.contains("there is no checkpoint '999999'; the newest epochs: "))
    }

    @Test func secretsOfSettingsAreMaskedInTheLog() async throws {
        let result = try await fixture.run(base, environment: ["WEIR_COUNT_NUMBERS_PASSWORD": "hunter22"]) { !lines().isEmpty }
        #expect(result.code == 0)
        #expect(result.errors.contains("using ********"))
        #expect(!result.errors.contains("hunter22"))
    }

    @Test func severalJobsInOneProcessAreScrapedTogether() async throws {
        let running = try fixture.start([
            "both", "--set", "count-numbers.output=out.txt", "--metrics-port", "0", "--checkpoint-interval", "50ms",
            "--log-format", "json",
        ])
        try await eventually("it serves metrics") { running.errors.contains("serving metrics") }
        try await eventually("records flow") { lines().count > 200 }
        let address = try #require(running.errors.firstMatch(of: #/http:\/\/127\.0\.0\.1:[0-9]+/#)).output
        let url = try #require(URL(string: address + "/metrics"))
        var text = ""
        var samples: [String: Double] = [:]
        // Counters follow what they count, and each job takes its checkpoints by itself.
        try await eventually("one job's records are counted, the other's checkpoints timed") {
            text = String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
            samples = try ExpositionReader.read(text)
            return samples["weir_operator_records_in_total|job_name=count-numbers|operator=fold|subtask=0"] ?? 0 > 100
                && samples["weir_checkpoint_duration_seconds_bucket|job_name=copy|le=+Inf"] ?? 0 > 0
        }
        #expect(samples["process_resident_memory_bytes"] ?? 0 > 0)
        let families = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
        #expect(Set(families).count == families.count)
        running.send(SIGTERM)
        let result = try await running.result()
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.errors.components(separatedBy: "\"message\":\"job finished\"").count == 3)
    }

    @Test func metricsAreListedWithTypeUnitAndLabels() async throws {
        let table = try await fixture.run(["metrics"])
        #expect(table.code == 0)
        let rows = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.first?.prefix(3) == ["METRIC", "TYPE", "UNIT"])
        #expect(
            rows.contains { $0.prefix(4) == ["acme_parcels_total", "counter", "parcels", "operator"] && $0.last == "sorted." })
        let names = rows.dropFirst().map { $0[0] }
        #expect(names.contains("weir_operator_records_in_total") && names == names.sorted())
        let json = try await fixture.run(["metrics", "--output", "json"])
        let entries = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
        let alignment = try #require(entries.first { $0["name"] as? String == "weir_checkpoint_alignment_seconds" })
        #expect(alignment["type"] as? String == "histogram" && alignment["unit"] as? String == "seconds")
        #expect((alignment["buckets"] as? [Any])?.count == 15)
        let markdown = try await fixture.run(["metrics", "--output", "markdown"])
        #expect(
            markdown.output.contains("| `acme_parcels_total` | counter | parcels | `operator` | Parcels that were sorted. |\n"))
    }

    // MARK: Output

    #if os(Linux)
        @Test func outputThatFindsNoRoomIsAFailure() async throws {
            for command in [["config"], ["--help"]] {
                let result = try await fixture.start(command, device: "/dev/full").result()
                #expect(result.code == 1, "\(command)")
                #expect(result.errors.contains("error: standard output cannot be written to: No space left on device"))
            }
        }
    #endif

    // MARK: Usage

    @Test(arguments: [
        (["run", "count-nubmers"], "there is no job 'count-nubmers'. Did you mean 'count-numbers'? Jobs: count-numbers, empty"),
        (["run", "empty", "--for", "30"], "--for: '30' is not a duration like 500ms, 30s or 2m"),
        (["run", "empty", "--accept-replay"], "--accept-replay says that outputs may come again after --from-checkpoint"),
        (["run", "empty", "--parallelism", "0"], "flag --parallelism: '0' is not a value of parallelism, which takes a"),
        (["run", "empty", "--job-id", "xyz"], "flag --job-id: 'xyz' is not a job id: 32 lower-case hex digits"),
        (["run", "empty", "--state-backend", "heep"], "which takes one of heap, rocksdb; did you mean 'heap'?"),
        (["run", "empty", "--config", "nowhere.yaml"], "nowhere.yaml: the configuration file cannot be read"),
        (["run", "count-numbers"], "job 'count-numbers' needs count-numbers.output"),
        (["run"], "Missing expected argument"),
        (["run", "empty", "--no-such-flag"], "Unknown option '--no-such-flag'"),
        (["nonsense"], "error: there is no command 'nonsense'. 'help' lists all."),
        (["chekpoints", "list"], "there is no command 'chekpoints'. Did you mean 'checkpoints'? 'help' lists all."),
        (
            ["checkpoints", "shwo", "42"],
            "there is no command 'checkpoints shwo'. Did you mean 'show'? 'help checkpoints' lists all."
        ),
        (["help", "rnu"], "there is no command 'rnu'. Did you mean 'run'? 'help' lists all."),
    ]) func wrongUsageExitsWith2(_ arguments: [String], _ text: String) async throws {
        let result = try await fixture.run(arguments)
        #expect(result.code == 2)
        #expect(result.errors.contains(text), "\(result.errors)")
        #expect(result.output.isEmpty)
    }

    @Test func helpDocumentsTheExitCodes() async throws {
        for arguments in [["--help"], ["run", "--help"]] {
            let result = try await fixture.run(arguments)
            #expect(result.code == 0)
            #expect(result.output.contains("3    recovery refused"))
        }
    }

    @Test func jobsAndConfigAreListed() async throws {
        let jobs = try await fixture.run(["jobs"])
        #expect(jobs.output.contains("count-numbers  Counts generated numbers by their last digit.  count-numbers.rate"))
        let asJSON = try await fixture.run(["jobs", "--output", "json"])
        #expect(try JSONSerialization.jsonObject(with: Data(asJSON.output.utf8)) is [Any])

        _ = try fixture.folder.write("weir.yaml", "checkpoint:\n  interval: 5s\n")
        let config = try await fixture.run(
            ["config", "--config", "weir.yaml", "--parallelism", "3", "--set", "count-numbers.password=secret"],
            environment: ["WEIR_NAMESPACE": "prod"])
        let rows = config.output.split(separator: "\n").map { $0.split(whereSeparator: { $0 == " " }).joined(separator: " ") }
        #expect(rows.contains("checkpoint.interval 5s weir.yaml:2"))
        #expect(rows.contains("namespace prod variable WEIR_NAMESPACE"))
        #expect(rows.contains("parallelism 3 flag --parallelism"))
        #expect(rows.contains("count-numbers.password ******** flag --set count-numbers.password"))
        #expect(rows.contains("checkpoint.retained 3 default"))
        #expect(!config.output.contains("secret\n") && !config.output.contains(" secret "))
    }
}
