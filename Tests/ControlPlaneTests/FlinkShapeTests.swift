import ControlPlane
import Foundation
import StreamRuntime
import Testing
import WeirKit

/// The documents have Flink's fields, with Flink's types: as recorded from the schema of its REST API.
@Suite(.serialized) struct FlinkShapeTests {
    private let harness = ServerHarness()
    private let job = JobID(namespace: "default", jobName: "counting").rawValue

    /// One field a line: `path: type`. `[]` is every element of an array, of which there must be one.
    private static let shapes: [(path: String, fields: String)] = [
        (
            "/overview",
            """
            taskmanagers: number, slots-total: number, slots-available: number, jobs-running: number, jobs-finished: number,
            jobs-cancelled: number, jobs-failed: number, flink-version: string, flink-commit: string,
            taskmanagers-blocked: number, slots-free-and-blocked: number
            """
        ),
        (
            "/config",
            """
            refresh-interval: number, timezone-name: string, timezone-offset: number, flink-version: string,
            flink-revision: string, features.web-submit: bool, features.web-cancel: bool, features.web-history: bool
            """
        ),
        (
            "/taskmanagers",
            """
            taskmanagers[].id: string, taskmanagers[].path: string, taskmanagers[].slotsNumber: number,
            taskmanagers[].freeSlots: number, taskmanagers[].blocked: bool, taskmanagers[].hardware.cpuCores: number,
            taskmanagers[].hardware.physicalMemory: number, taskmanagers[].memoryConfiguration.totalProcessMemory: number,
            taskmanagers[].totalResource.cpuCores: number, taskmanagers[].freeResource.networkMemory: number
            """
        ),
        ("/jobmanager/config", "[].key: string, [].value: string"), ("/jobmanager/metrics", "[].id: string"),
        ("/jobmanager/metrics?get=numRunningJobs", "[].id: string, [].value: string"), ("/datasets", "dataSets: array"),
        ("/taskmanagers/metrics", "[].id: string"),
        (
            "/taskmanagers/TASKMANAGER",
            """
            id: string, slotsNumber: number, hardware.managedMemory: number, totalResource.extendedResources: object,
            allocatedSlots[].jobId: string, allocatedSlots[].resource.cpuCores: number, metrics.heapUsed: number,
            metrics.nettyShuffleMemoryTotal: number, metrics.garbageCollectors: array
            """
        ),
        ("/taskmanagers/TASKMANAGER/metrics", "[].id: string"),
        ("/taskmanagers/TASKMANAGER/logs", "logs[].name: string, logs[].size: number, logs[].mtime: number"),
        ("/jobs/JOB/jobmanager/config", "[].key: string, [].value: string"),
        ("/jobs", "jobs[].id: string, jobs[].status: string"),
        (
            "/jobs/overview",
            """
            jobs[].jid: string, jobs[].name: string, jobs[].start-time: number, jobs[].end-time: number,
            jobs[].duration: number, jobs[].state: string, jobs[].last-modification: number, jobs[].tasks.total: number,
            jobs[].tasks.created: number, jobs[].tasks.scheduled: number, jobs[].tasks.deploying: number,
            jobs[].tasks.running: number, jobs[].tasks.finished: number, jobs[].tasks.canceling: number,
            jobs[].tasks.canceled: number, jobs[].tasks.failed: number, jobs[].tasks.reconciling: number,
            jobs[].tasks.initializing: number, jobs[].jobType: string, jobs[].pending-operators: number
            """
        ),
        (
            "/jobs/JOB",
            """
            jid: string, name: string, isStoppable: bool, state: string, start-time: number, end-time: number,
            duration: number, maxParallelism: number, now: number, timestamps.RUNNING: number, timestamps.CREATED: number,
            timestamps.FAILED: number, vertices[].id: string, vertices[].name: string, vertices[].maxParallelism: number,
            vertices[].slotSharingGroupId: string, vertices[].parallelism: number, vertices[].status: string,
            vertices[].start-time: number,
            vertices[].end-time: number, vertices[].duration: number, vertices[].tasks.RUNNING: number,
            vertices[].metrics.read-bytes: number, vertices[].metrics.read-bytes-complete: bool,
            vertices[].metrics.write-bytes: number, vertices[].metrics.write-bytes-complete: bool,
            vertices[].metrics.read-records: number, vertices[].metrics.read-records-complete: bool,
            vertices[].metrics.write-records: number, vertices[].metrics.write-records-complete: bool,
            vertices[].metrics.accumulated-backpressured-time: number, vertices[].metrics.accumulated-idle-time: number,
            vertices[].metrics.accumulated-busy-time: number, status-counts.RUNNING: number, plan.jid: string,
            plan.nodes[].id: string
            """
        ),
        ("/jobs/JOB/status", "status: string"),
        (
            "/jobs/JOB/plan",
            """
            plan.jid: string, plan.name: string, plan.type: string, plan.nodes[].id: string, plan.nodes[].parallelism: number,
            plan.nodes[].operator: string, plan.nodes[].operator_strategy: string, plan.nodes[].description: string
            """
        ),
        (
            "/jobs/JOB/config",
            """
            jid: string, name: string, execution-config.execution-mode: string, execution-config.restart-strategy: string,
            execution-config.job-parallelism: number, execution-config.object-reuse-mode: bool,
            execution-config.user-config.parallelism: string
            """
        ),
        (
            "/jobs/JOB/exceptions",
            "all-exceptions: array, truncated: bool, exceptionHistory.entries: array, exceptionHistory.truncated: bool"
        ),
        ("/jobs/JOB/accumulators", "job-accumulators: array, user-task-accumulators: array"),
        ("/jobs/JOB/execution-result", "status.id: string"),
        ("/jobs/JOB/metrics", "[].id: string"),
        ("/jobs/JOB/metrics?get=numRestarts", "[].id: string, [].value: string"),
        ("/jobs/metrics?get=numRestarts", "[].id: string, [].min: number, [].max: number, [].sum: number, [].avg: number"),
        // As clients write it that are made from Flink's OpenAPI document.
        ("/jobs/metrics?get=numRestarts&agg=MIN,SKEW", "[].id: string, [].min: number, [].skew: number, [].max: nothing"),
        (
            "/jobs/JOB/checkpoints",
            """
            counts.restored: number, counts.total: number, counts.in_progress: number, counts.completed: number,
            counts.failed: number, summary.checkpointed_size.min: number, summary.state_size.max: number,
            summary.end_to_end_duration.avg: number, summary.end_to_end_duration.p50: number,
            summary.end_to_end_duration.p90: number, summary.end_to_end_duration.p95: number,
            summary.end_to_end_duration.p99: number, summary.end_to_end_duration.p999: number,
            summary.alignment_buffered.min: number, summary.processed_data.min: number, summary.persisted_data.min: number,
            latest.completed.id: number, latest.completed.external_path: string, latest.completed.discarded: bool,
            history[].id: number, history[].status: string, history[].is_savepoint: bool,
            history[].trigger_timestamp: number, history[].latest_ack_timestamp: number,
            history[].checkpointed_size: number, history[].state_size: number, history[].end_to_end_duration: number,
            history[].alignment_buffered: number, history[].processed_data: number, history[].persisted_data: number,
            history[].num_subtasks: number, history[].num_acknowledged_subtasks: number, history[].checkpoint_type: string,
            history[].tasks: object
            """
        ),
        (
            "/jobs/JOB/checkpoints/config",
            """
            mode: string, interval: number, timeout: number, min_pause: number, max_concurrent: number,
            externalization.enabled: bool, externalization.delete_on_cancellation: bool, state_backend: string,
            checkpoint_storage: string, unaligned_checkpoints: bool, tolerable_failed_checkpoints: number
            """
        ),
        (
            "/jobs/JOB/checkpoints/details/CHECKPOINT",
            """
            id: number, status: string, tasks.VERTEX.id: number, tasks.VERTEX.status: string,
            tasks.VERTEX.latest_ack_timestamp: number, tasks.VERTEX.state_size: number, tasks.VERTEX.num_subtasks: number,
            tasks.VERTEX.num_acknowledged_subtasks: number
            """
        ),
        (
            "/jobs/JOB/checkpoints/details/CHECKPOINT/subtasks/VERTEX",
            """
            id: number, status: string, summary.state_size.min: number, summary.checkpoint_duration.sync.min: number,
            summary.checkpoint_duration.async.min: number, summary.alignment.duration.max: number,
            summary.start_delay.min: number, subtasks[].index: number, subtasks[].status: string,
            subtasks[].ack_timestamp: number, subtasks[].state_size: number, subtasks[].alignment.duration: number
            """
        ),
        (
            "/jobs/JOB/vertices/VERTEX",
            """
            id: string, name: string, parallelism: number, maxParallelism: number, now: number, subtasks[].subtask: number,
            subtasks[].status: string, subtasks[].attempt: number, subtasks[].host: string, subtasks[].start-time: number,
            subtasks[].end-time: number, subtasks[].duration: number, subtasks[].metrics.read-records: number,
            subtasks[].taskmanager-id: string, subtasks[].status-duration.CREATED: number,
            subtasks[].status-duration.SCHEDULED: number, subtasks[].status-duration.DEPLOYING: number,
            subtasks[].status-duration.INITIALIZING: number, subtasks[].status-duration.RUNNING: number,
            aggregated.metrics.read-bytes.min: number, aggregated.metrics.read-records.median: number,
            aggregated.status-duration.RUNNING.p95: number
            """
        ),
        (
            "/jobs/JOB/vertices/VERTEX/backpressure",
            """
            status: string, backpressureLevel: string, backpressure-level: string, end-timestamp: number,
            subtasks[].subtask: number, subtasks[].backpressureLevel: string, subtasks[].ratio: number,
            subtasks[].idleRatio: number, subtasks[].busyRatio: number
            """
        ),
        ("/jobs/JOB/vertices/VERTEX/metrics", "[].id: string"),
        ("/jobs/JOB/vertices/VERTEX/metrics?get=0.numRecordsIn,1.numRecordsIn", "[].id: string, [].value: string"),
        ("/jobs/JOB/vertices/VERTEX/subtasks/metrics?get=busyTimeMsPerSecond", "[].id: string, [].sum: number"),
        ("/jobs/JOB/vertices/VERTEX/subtasks/metrics?get=numRecordsIn&agg=SUM&subtasks=0-1", "[].id: string, [].sum: number"),
        ("/jobs/JOB/vertices/VERTEX/subtasks/1", "subtask: number, metrics.read-records: number"),
        ("/jobs/JOB/vertices/VERTEX/subtasks/1/metrics", "[].id: string"),
        ("/jobs/JOB/vertices/VERTEX/subtasks/1/attempts/0", "subtask: number, attempt: number, metrics.read-records: number"),
        (
            "/jobs/JOB/vertices/VERTEX/subtasks/1/attempts/0/accumulators",
            "subtask: number, attempt: number, id: string, user-accumulators: array"
        ),
        ("/jobs/JOB/vertices/VERTEX/jm-operator-metrics", ""),
        (
            "/jobs/JOB/resource-requirements",
            "VERTEX.parallelism.lowerBound: number, VERTEX.parallelism.upperBound: number"
        ),
        (
            "/jobs/JOB/vertices/VERTEX/subtasktimes",
            """
            id: string, name: string, now: number, subtasks[].timestamps.CREATED: number,
            subtasks[].timestamps.RUNNING: number, subtasks[].timestamps.FINISHED: number
            """
        ),
        (
            "/jobs/JOB/vertices/VERTEX/taskmanagers",
            """
            id: string, taskmanagers[].host: string, taskmanagers[].status: string,
            taskmanagers[].status-counts.RUNNING: number, taskmanagers[].aggregated.metrics.write-records.sum: number
            """
        ),
        ("/jobs/JOB/vertices/VERTEX/subtasks/accumulators", "id: string, parallelism: number, subtasks[].subtask: number"),
    ]

    @Test func everyDocumentHasFlinksFields() async throws {
        try await harness.startServer()
        let submitted = try await harness.run([
            "submit", "counting", "-d", "--checkpoint-interval", "100ms", "--parallelism", "2",
        ])
        #expect(submitted.code == 0, "\(submitted.errors)")
        try await harness.eventually("a checkpoint is decided") { try await harness.own("counting")["checkpoint"] is Int }
        let vertices = try await harness.http("GET", "/jobs/\(job)").object["vertices"] as? [[String: Any]]
        let vertex = try #require(vertices?.last?["id"] as? String)
        let manager = try await taskManager()
        for (path, fields) in Self.shapes {
            let latest = try await harness.http("GET", "/jobs/\(job)/checkpoints").object["latest"] as? [String: Any]
            let checkpoint = try #require((latest?["completed"] as? [String: Any])?["id"] as? Int)
            let actual = path.replacing("TASKMANAGER", with: manager).replacing("JOB", with: job).replacing(
                "VERTEX", with: vertex
            )
            .replacing("CHECKPOINT", with: "\(checkpoint)")
            for prefix in ["", "/v1"] {
                let answer = try await harness.http("GET", prefix + actual)
                #expect(answer.status == 200, "\(prefix)\(path)")
                for field in fields.split(whereSeparator: { $0 == "," || $0 == "\n" }) {
                    let parts = field.split(separator: ":").map { $0.trimmingCharacters(in: .whitespaces) }
                    guard parts.count == 2 else { continue }
                    let steps = parts[0].replacing("VERTEX", with: vertex).replacing("[]", with: ".[]")
                        .split(separator: ".").map(String.init)
                    #expect(Self.type(answer.body, steps[...]) == parts[1], "\(path): \(parts[0])")
                }
            }
        }
    }

    private func taskManager() async throws -> String {
        let managers = try await harness.http("GET", "/taskmanagers").object["taskmanagers"] as? [[String: Any]]
        return try #require(managers?.first?["id"] as? String)
    }

    @Test func metricsAndLogsOfProcessesAreThere() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "100ms"]).code == 0)
        try await harness.eventually("a checkpoint is decided") { try await harness.own("counting")["checkpoint"] is Int }
        let running = try await harness.http("GET", "/jobmanager/metrics?get=numRunningJobs").body as? [[String: String]]
        #expect(running == [["id": "numRunningJobs", "value": "1"]])
        let manager = "/taskmanagers/\(try await taskManager())"
        let count = "weir_checkpoints_completed_total"
        let names = try await harness.http("GET", "\(manager)/metrics").body as? [[String: Any]] ?? []
        #expect(names.contains { $0["id"] as? String == count }, "\(names)")
        let all = try await harness.http("GET", "/taskmanagers/metrics?get=\(count)&agg=sum").body as? [[String: Any]]
        let sum = (all?.first?["sum"] as? NSNumber)?.doubleValue ?? 0
        #expect(all?.first?["id"] as? String == count && sum > 0 && all?.first?["max"] == nil)

        let listed = try await harness.http("GET", "\(manager)/logs").object["logs"] as? [[String: Any]]
        #expect(listed?.first?["name"] as? String == "job.log" && (listed?.first?["size"] as? Int ?? 0) > 0)
        for path in ["/log", "/logs/job.log"] {
            let answer = try await harness.http("GET", manager + path)
            #expect(answer.status == 200 && (answer.body as? String)?.contains("counting begins") == true, "\(path)")
        }
        for name in ["control.json", "job.log.7", "..%2f..%2fregistry.sqlite"] {
            #expect(try await harness.http("GET", "\(manager)/logs/\(name)").status == 404, "\(name)")
        }
        #expect(try await harness.http("GET", "/taskmanagers/nobody-1/metrics").status == 404)
    }

    @Test func whatHasNoCounterpartSaysWhatToUse() async throws {
        try await harness.startServer()
        for (method, path, says) in [
            ("GET", "/jars", "submit JOB"), ("POST", "/v1/jars/upload", "POST /jobs"), ("POST", "/jars/a.jar/run", "POST /jobs"),
            ("DELETE", "/jars/a.jar", "no jars"), ("POST", "/savepoint-disposal", "delete that"),
            ("GET", "/savepoint-disposal/1", "delete that"), ("GET", "/jobmanager/environment", "GET /jobmanager/config"),
            ("GET", "/jobmanager/logs", "GET /jobs/ID/logs"), ("GET", "/jobmanager/thread-dump", "POST /jobs/ID/profile"),
            ("GET", "/taskmanagers/a-1/thread-dump", "POST /jobs/ID/profile"),
            ("GET", "/jobs/\(job)/vertices/v/flamegraph", "POST /jobs/ID/profile"), ("DELETE", "/cluster", "signal"),
            ("PUT", "/jobs/\(job)/resource-requirements", "PATCH /jobs/ID/rescaling"),
            ("PATCH", "/jobs/\(job)/clientHeartbeat", "PATCH /jobs/ID?mode=cancel"),
            ("GET", "/jobs/\(job)/yarn-cancel", "PATCH /jobs/ID?mode=cancel"),
            ("GET", "/jobs/\(job)/jobmanager/log-url", "GET /jobs/ID/logs"),
            ("POST", "/taskmanagers/a-1/profiler", "POST /jobs/ID/profile"),
        ] {
            let answer = try await harness.http(method, path, body: method == "POST" ? "{}" : nil)
            #expect(answer.status == 501 && answer.errors.first?.contains(says) == true, "\(method) \(path): \(answer.body)")
        }
    }

    private static func type(_ value: Any?, _ steps: ArraySlice<String>) -> String {
        guard let step = steps.first else {
            switch value {
            case let number as NSNumber:
                return CFBooleanLike.isBool(number) ? "bool" : "number"
            case is String: return "string"
            case is [Any]: return "array"
            case is [String: Any]: return "object"
            case is NSNull: return "null"
            default: return "nothing"
            }
        }
        if step == "[]" {
            guard let elements = value as? [Any], !elements.isEmpty else { return "no elements" }
            let types = Set(elements.map { type($0, steps.dropFirst()) })
            return types.count == 1 ? types.first ?? "" : "mixed: \(types.sorted())"
        }
        return type((value as? [String: Any])?[step], steps.dropFirst())
    }

    /// JSONSerialization gives numbers and booleans as the same class.
    private enum CFBooleanLike {
        static func isBool(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
    }

    @Test func subtasksAreNamedByNumbersAndRanges() throws {
        let ranges = try #require(NumberRanges(["1", "3", "5-7"]))
        #expect((0..<9).filter(ranges.contains) == [1, 3, 5, 6, 7])
        for word in ["a", "1-", "-1", "1-2-3", "3-1", ""] { #expect(NumberRanges([word]) == nil, "\(word)") }
    }

    @Test func whatIsListedOfMetricsCanBeAskedFor() throws {
        let series = MetricViews.of([
            SeriesReading(name: "weir_a_total", labels: ["task": "a, {b", "subtask": "0"], value: 1),
            SeriesReading(name: "weir_b", labels: [:], value: 2),
        ])
        let names = series.map(\.name)
        #expect(names == [#"weir_a_total{subtask="0",task="a, {b"}"#, "weir_b"])
        #expect(QueryList.words(names.joined(separator: ",")[...]) == Set(names))
        #expect(QueryList.words("a,,b,") == ["a", "b"] && QueryList.words("").isEmpty)
    }

    @Test func aggregationsAreFlinks() throws {
        let members = [[(name: "n", value: 1.0)], [(name: "n", value: 3.0)]]
        // Both are 1 from their mean of 2: half of it.
        #expect(
            MetricViews.aggregate(members, get: ["n"], agg: nil) == [
                ["id": "n", "min": .number(1), "max": .number(3), "sum": .number(4), "avg": .number(2), "skew": .number(50)]
            ])
        let zero = MetricViews.aggregate([[(name: "n", value: 0.0)]], get: ["n"], agg: ["skew"])
        #expect(zero == [["id": "n", "skew": .number(0)]])
    }

    @Test func aSummaryIsOfValuesThatOccurred() {
        #expect(
            Aggregates.summary([40, 10, 20, 30]) == [
                "min": 10, "max": 40, "sum": 100, "avg": 25, "median": 20, "p25": 10, "p75": 30, "p95": 40,
            ])
        #expect(
            Aggregates.summary([]) == [
                "min": 0, "max": 0, "sum": 0, "avg": 0, "median": 0, "p25": 0, "p75": 0, "p95": 0,
            ])
    }

    @Test func whatIsWrongIsSaidAsFlinkSaysIt() async throws {
        try await harness.startServer()
        let none = String(repeating: "0", count: 32)
        let wrong: [(method: String, path: String, status: Int, says: String)] = [
            ("GET", "/nothing", 404, "Not found: /nothing"), ("GET", "/jobs/\(none)", 404, "there is no job \(none)"),
            ("GET", "/jobs/abc", 400, "is not a job id"), ("PATCH", "/jobs/\(none)", 404, "there is no job"),
            ("PATCH", "/jobs/\(none)?mode=stop", 400, "mode 'stop' is not known"),
            ("PATCH", "/jobs/\(none)?mode=CANCEL", 404, "there is no job"),
            ("GET", "/jobs/metrics?get=numRestarts&agg=MEDIAN", 400, "'median' is none of avg, max, min, skew, sum"),
            ("POST", "/jobs/\(none)/stop", 404, "there is no job"),
            ("GET", "/jobs/\(none)/savepoints/1", 404, "there is no operation"),
            ("PATCH", "/jobs/\(none)/rescaling", 400, "say ?parallelism=N"),
            ("POST", "/v1/jobs", 400, "'name' is missing"), ("DELETE", "/jobs/\(none)", 404, "there is no job"),
            ("GET", "/jobs/%2e%2e", 400, ""),
        ]
        for (method, path, status, says) in wrong {
            let answer = try await harness.http(method, path, body: method == "GET" ? nil : "{}")
            #expect(answer.status == status, "\(method) \(path): \(answer.body)")
            #expect(answer.errors.first?.contains(says) ?? false || says.isEmpty, "\(method) \(path): \(answer.body)")
        }
        let garbage = try await harness.http("POST", "/v1/jobs", body: "not json")
        #expect(garbage.status == 400 && garbage.errors.first?.contains("the body is not what is expected") == true)
        let foreign = try await harness.http(
            "POST", "/v1/jobs", body: "{}", headers: ["Origin": "http://evil.example"])
        #expect(foreign.status == 403)
        let tooLarge = try await harness.http("POST", "/v1/jobs", body: String(repeating: " ", count: (1 << 20) + 1))
        #expect(tooLarge.status == 413, "\(tooLarge.body)")
    }

    @Test func aStoppedJobsRequestSaysWhereItsLastCheckpointIs() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "100ms"]).code == 0)
        let stop = try await harness.http("POST", "/jobs/\(job)/stop", body: "{\"drain\": false}")
        #expect(stop.status == 202)
        let request = try #require(stop.object["request-id"] as? String)
        try await harness.eventually("it is done") {
            let answer = try await harness.http("GET", "/jobs/\(job)/savepoints/\(request)").object
            guard (answer["status"] as? [String: Any])?["id"] as? String == "COMPLETED" else { return false }
            let location = (answer["operation"] as? [String: Any])?["location"] as? String
            return location?.contains("/chk-") == true
        }
        let again = try await harness.http("POST", "/jobs/\(job)/stop", body: "{}")
        #expect(again.status == 409 && again.errors.first?.contains("has ended") == true)
    }

    @Test func flinkRestClientFromPyPIWorks() async throws {
        guard let python = ProcessInfo.processInfo.environment["WEIR_TEST_FLINK_REST"], !python.isEmpty else {
            Issue.record(
                "WEIR_TEST_FLINK_REST is not set: run `make test`, or `scripts/flink-clients install rest` and `export $(scripts/flink-clients env)`"
            )
            return
        }
        try await harness.startServer()
        #expect(
            try await harness.run([
                "submit", "counting", "-d", "--checkpoint-interval", "100ms", "--parallelism", "2",
            ]).code == 0)
        try await harness.eventually("two readings and a checkpoint") {
            let own = try await harness.own("counting")
            return own["checkpoint"] is Int && (own["recordsInPerSecond"] as? Double ?? 0) > 0
        }
        let url = try #require(URL(string: harness.url))
        let said = try await harness.script(
            "flink_rest_client_check.py", python, [try #require(url.host), String(try #require(url.port)), job])
        #expect(said.code == 0 && said.output.contains("checks passed"), "\(said.output)")
    }
}
