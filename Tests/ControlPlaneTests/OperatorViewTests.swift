import ControlPlane
import Foundation
import StreamRuntime
import Testing
import WeirKit

/// What is told of a chain's operators: by the process, by the server, by `top`.
@Suite struct OperatorViewTests {
    /// The first server's snapshot, with two operators in its chain.
    private func snapshot(
        atMillis millis: Int, _ operators: [[String: Any]], _ more: (inout [String: Any]) -> Void = { _ in }
    ) throws -> JobSnapshot {
        try StoredSnapshots.current {
            $0["plan"] = [
                "maxParallelism": 128,
                "vertices": [
                    [
                        "id": "0123456789abcdef0123456789abcdef", "inputs": [], "name": "numbers → counts", "parallelism": 2,
                        "operators": [
                            ["id": "numbers", "isStateful": false, "kind": "source"],
                            ["id": "counts", "isStateful": false, "kind": "sink"],
                        ],
                    ]
                ],
            ]
            $0["takenAtMillis"] = millis
            $0["operators"] = operators
            more(&$0)
        }
    }

    private func view(_ now: JobSnapshot, _ before: JobSnapshot?, state: JobMachine.State) -> JobView {
        let record = JobRecord(
            id: JobID(namespace: "default", jobName: "counting"),
            submission: Submission(name: "counting", executable: "/bin/true", workingDirectory: "/"), state: state,
            createdAtMillis: 0, controlToken: "t")
        return JobView(record: record, snapshot: now, previous: before)
    }

    private func operators(_ view: JobView) throws -> [[String: Any]] {
        let vertex = try #require(view.snapshot?.plan.vertices.first)
        let document = try JSONSerialization.jsonObject(with: ChainFacts(vertex, view).json.bytes()) as? [String: Any]
        return try #require(document?["operators"] as? [[String: Any]])
    }

    private func number(_ value: Any?) -> Double? { (value as? NSNumber)?.doubleValue }

    @Test func aProcessCountsWhatEachOperatorTookInAndPutOut() throws {
        let plan = try snapshot(atMillis: 0, []).plan
        let metrics = MetricRegistry()
        for (operatorID, subtask, recordsIn, recordsOut) in [
            ("numbers", "0", 0, 5), ("numbers", "1", 0, 7), ("counts", "0", 5, 0), ("counts", "1", 6, 0),
        ] {
            let labels: MetricRegistry.Labels = ["operator": operatorID, "subtask": subtask]
            metrics.counter("weir_operator_records_in_total", help: "", labels: labels).set(recordsIn)
            metrics.counter("weir_operator_records_out_total", help: "", labels: labels).set(recordsOut)
        }
        for (split, lag) in [("a", 3), ("b", 4)] {
            metrics.gauge("weir_source_lag_records", help: "", labels: ["operator": "numbers", "split": split]).set(lag)
        }
        #expect(
            JobSnapshot.OperatorReading.all(of: plan, metrics) == [
                .init(operatorID: "numbers", recordsIn: nil, recordsOut: 12, lagRecords: 7),
                .init(operatorID: "counts", recordsIn: 11, recordsOut: nil, lagRecords: nil),
            ])
        let unknown = JobSnapshot.OperatorReading.all(of: plan, MetricRegistry())
        #expect(unknown.map(\.operatorID) == ["numbers", "counts"])
        #expect(unknown.allSatisfy { $0.recordsIn == nil && $0.recordsOut == nil })
    }

    @Test func itsRatesAreWhatItDidBetweenTwoSnapshotsOfAJobThatRuns() throws {
        let process = try #require(ProcessIdentity.current)
        let before = try snapshot(
            atMillis: 1000, [["operatorID": "numbers", "recordsOut": 100], ["operatorID": "counts", "recordsIn": 90]])
        let now = try snapshot(
            atMillis: 3000,
            [["operatorID": "numbers", "recordsOut": 500, "lagRecords": 9], ["operatorID": "counts", "recordsIn": 490]]
        ) {
            $0["latencies"] = [["operatorID": "counts", "p50Seconds": 0.5, "p99Seconds": 1, "p999Seconds": 2]]
        }
        let running = try operators(view(now, before, state: .running(process)))
        #expect(running.map { $0["id"] as? String } == ["numbers", "counts"])
        #expect(number(running[0]["recordsOutPerSecond"]) == 200 && running[0]["recordsInPerSecond"] is NSNull)
        #expect(number(running[0]["recordsOut"]) == 500 && number(running[0]["lagRecords"]) == 9)
        #expect(number(running[1]["recordsInPerSecond"]) == 200 && running[1]["recordsOutPerSecond"] is NSNull)
        #expect(number(running[1]["latencyP999Seconds"]) == 2 && running[0]["latencyP999Seconds"] is NSNull)
        // Begun anew after a failure, an operator counts from zero.
        #expect(number(try operators(view(before, now, state: .running(process)))[1]["recordsInPerSecond"]) == 0)
        let ended = try operators(view(now, before, state: .ended(.finished)))
        #expect(number(ended[1]["recordsInPerSecond"]) == 0 && number(ended[1]["recordsIn"]) == 490)
        // Its process is of an earlier release.
        let old = try operators(view(try snapshot(atMillis: 0, []) { $0["operators"] = nil }, nil, state: .running(process)))
        #expect(old.count == 2 && old[0]["recordsOut"] is NSNull && old[0]["recordsOutPerSecond"] is NSNull)
    }

    @Test func aLatencyOfAnEarlierReleaseHasNoThousandth() throws {
        let stored = try snapshot(atMillis: 0, []) {
            $0["latencies"] = [["operatorID": "counts", "p50Seconds": 0.5, "p99Seconds": 1]]
        }
        #expect(stored.latencies == [.init(operatorID: "counts", p50Seconds: 0.5, p99Seconds: 1, p999Seconds: nil)])
    }

    @Test func aChainsCheckpointIsAsLongAsItsLastSubtasks() throws {
        let facts = { (view: JobView) in ChainFacts(try #require(view.snapshot?.plan.vertices.first), view) }
        // The stored checkpoint began at …1000, and was acknowledged at …1010.
        let decided = try facts(view(try snapshot(atMillis: 0, []), nil, state: .ended(.finished)))
        #expect(decided.checkpointMillis == 10)
        let none = try facts(view(try snapshot(atMillis: 0, []) { $0["checkpoints"] = nil }, nil, state: .ended(.finished)))
        #expect(none.checkpointMillis == nil)
    }

    @Test func topShowsTheOperatorsOfAChainBelowIt() throws {
        let text = """
            [{"name": "numbers → keyed", "subtasks": [
              {"weir": {"recordsInPerSecond": 120, "recordsOutPerSecond": 100, "busy": 0.25, "backPressured": 0.5}},
              {"weir": {"recordsInPerSecond": 80, "recordsOutPerSecond": 100, "busy": 0.75, "backPressured": 0, "watermark": null}}],
             "weir": {"hasReaders": true, "checkpointMillis": 12, "operators": [
              {"id": "numbers", "recordsInPerSecond": null, "recordsOutPerSecond": 200, "lagRecords": 7},
              {"id": "keyed", "recordsInPerSecond": 200, "recordsOutPerSecond": 20000}]}},
             {"name": "counts", "subtasks": [
              {"weir": {"recordsInPerSecond": 200, "recordsOutPerSecond": 0, "busy": 0, "backPressured": 0, "watermark": null}}],
             "weir": {"hasReaders": false, "latencyP50Seconds": 0.002, "latencyP99Seconds": 0.02, "latencyP999Seconds": 0.2,
              "operators": [{"id": "counts", "recordsInPerSecond": 200, "recordsOutPerSecond": null}]}}]
            """
        let vertices = try JSONDecoder().decode([TopView.Vertex].self, from: Data(text.utf8))
        #expect(
            TopView.chains(vertices) == """
                CHAIN            SUBTASKS  IN/S  OUT/S  BUSY  BACKPR  LAG  CHECKPOINT  P50     P99    P99.9   WATERMARK
                numbers → keyed  2         200   200    75 %  50 %    7    12 ms       -       -      -       -
                  numbers                  -     200                  7                -       -      -
                  keyed                    200   20 k                                  -       -      -
                counts           1         200   -      0 %   0 %     -    -           2.0 ms  20 ms  200 ms  -
                """)
    }

    @Test func aServerOfAnEarlierReleaseTellsOfChainsOnly() throws {
        let text = """
            [{"name": "counts", "subtasks": [
              {"weir": {"recordsInPerSecond": 1, "recordsOutPerSecond": 2, "busy": 0, "backPressured": 0}}]}]
            """
        let vertices = try JSONDecoder().decode([TopView.Vertex].self, from: Data(text.utf8))
        #expect(
            TopView.chains(vertices).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }.last
                == ["counts", "1", "1", "2", "0", "%", "0", "%", "-", "-", "-", "-", "-", "-"])
    }
}
