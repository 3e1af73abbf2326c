import ControlPlane
import Foundation
import StreamRuntime
import TestKit
import Testing
import WeirKit

/// Snapshots as releases have stored them.
enum StoredSnapshots {
    /// As the first server wrote it: `lastRestored` knew no savepoints.
    static let first = """
        {"checkpoints":{"completed":7,"failed":1,"lastRestored":{"epoch":4,"path":"/c/chk-4.manifest",
        "restoredAtMillis":1760000000000},"records":[{"durationMillis":12,"endedAtMillis":1760000001012,"epoch":5,"newBytes":80,
        "path":"/c/chk-5.manifest","shares":[{"acknowledgedAtMillis":1760000001010,"alignmentMillis":0,"stateBytes":80,
        "subtask":0,"task":"numbers → counts"}],"stateBytes":80,"status":"COMPLETED","triggeredAtMillis":1760000001000}],
        "restores":1},"failures":[{"atMillis":1760000000500,"isRestarted":true,"message":"bad","place":"counts","type":"Bad"}],
        "lagRecords":3,"plan":{"maxParallelism":128,"vertices":[{"id":"0123456789abcdef0123456789abcdef","inputs":[],
        "name":"numbers → counts","operators":[{"id":"numbers","isStateful":false,"kind":"source"}],"parallelism":1}]},
        "report":{"id":"0123456789abcdef0123456789abcdef","name":"counting","status":"finished"},"restarts":1,
        "settings":[{"name":"parallelism","origin":"default","value":"1"}],"subtasks":[{"backPressuredMillis":1,"busyMillis":2,
        "idleMillis":3,"recordsIn":4,"recordsOut":5,"subtask":0,"vertex":"0123456789abcdef0123456789abcdef"}],
        "takenAtMillis":1760000002000}
        """

    static func snapshot(_ text: String) throws -> JobSnapshot {
        try JSONDecoder().decode(JobSnapshot.self, from: Data(text.utf8))
    }

    /// The first one, changed.
    static func current(_ change: (inout [String: Any]) -> Void) throws -> JobSnapshot {
        var object = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any] ?? [:]
        change(&object)
        return try JSONDecoder().decode(JobSnapshot.self, from: try JSONSerialization.data(withJSONObject: object))
    }

    static func subtask(_ number: Int, busy: Int, backPressured: Int) -> [String: Any] {
        [
            "vertex": "0123456789abcdef0123456789abcdef", "subtask": number, "recordsIn": 0, "recordsOut": 0, "busyMillis": busy,
            "idleMillis": 0, "backPressuredMillis": backPressured,
        ]
    }
}

@Suite struct StoredSnapshotTests {
    @Test func theFirstServersSnapshotIsReadWhole() throws {
        let snapshot = try StoredSnapshots.snapshot(StoredSnapshots.first)
        #expect(
            snapshot.checkpoints.lastRestored
                == RestoredCheckpoint(
                    epoch: 4, restoredAtMillis: 1_760_000_000_000, path: "/c/chk-4.manifest", isSavepoint: false))
        #expect(snapshot.checkpoints.records.count == 1 && snapshot.checkpoints.completed == 7)
        #expect(snapshot.checkpoints.records[0].pauseMicrosMax == nil && snapshot.failures[0].position == nil)
        #expect(snapshot.failures.map(\.message) == ["bad"])
        #expect(snapshot.subtasks.map(\.recordsOut) == [5] && snapshot.lagRecords == 3 && snapshot.settings.count == 1)
    }

    @Test func whatIsWrittenTodayIsReadAsItWas() throws {
        let snapshot = try StoredSnapshots.current { $0["lagRecords"] = nil }
        let again = try JSONDecoder().decode(JobSnapshot.self, from: try JSONEncoder().encode(snapshot))
        #expect(again.checkpoints == snapshot.checkpoints && again.plan == snapshot.plan && again.lagRecords == nil)
        #expect(again.subtasks == snapshot.subtasks && again.failures == snapshot.failures && again.settings == snapshot.settings)
    }

    @Test func anElementThatCannotBeReadTakesNothingWithItAndUnknownOnesAreNoTrouble() throws {
        let snapshot = try StoredSnapshots.current {
            $0["subtasks"] = [["subtask": "one"], StoredSnapshots.subtask(0, busy: 1, backPressured: 1)]
            $0["failures"] = ["of another kind": true]
            $0["checkpoints"] = ["completed": 3, "records": [["epoch": -1]], "lastRestored": "nowhere"]
            $0["comesLater"] = ["x": 1]
            $0["settings"] = nil
            $0["restarts"] = nil
        }
        #expect(snapshot.subtasks.map(\.busyMillis) == [1])
        #expect(snapshot.failures.isEmpty && snapshot.settings.isEmpty && snapshot.restarts == 0)
        #expect(snapshot.checkpoints.completed == 3 && snapshot.checkpoints.records.isEmpty)
        #expect(snapshot.checkpoints.lastRestored == nil)
    }

    @Test func aSnapshotOfNobodyIsNone() {
        for part in ["report", "plan", "takenAtMillis"] {
            #expect(throws: DecodingError.self, "\(part)") { try StoredSnapshots.current { $0[part] = nil } }
        }
    }

    @Test func aRegistryGivesBackJobsOfOlderServersWithTheirSnapshots() throws {
        let folder = TemporaryFolder()
        let id = JobID(namespace: "default", jobName: "counting")
        let registry = try JobRegistry(folder: folder.path)
        let submission = Submission(name: "counting", executable: "/bin/true", workingDirectory: "/")
        try registry.save(
            JobRecord(id: id, submission: submission, state: .ended(.finished), createdAtMillis: 5, controlToken: "t"))
        try registry.save(try StoredSnapshots.snapshot(StoredSnapshots.first), of: id)
        let stored = try #require(try registry.jobs().first)
        #expect(stored.record.jobID == id && stored.record.submission == submission)
        #expect(stored.snapshot?.report.name == "counting")
    }

    @Test func aRecordWithoutWhatLaterServersAddedIsRead() throws {
        let text = """
            {"id":"0123456789abcdef0123456789abcdef","submission":{"name":"a","executable":"/a","workingDirectory":"/"},
            "state":{"launching":{}},"createdAtMillis":5,"controlToken":"t"}
            """
        let record = try JSONDecoder().decode(JobRecord.self, from: Data(text.utf8))
        #expect(record.relaunches == 0 && record.modifiedAtMillis == 5 && record.submission.startArguments.isEmpty)
        #expect(record.state == .launching)
    }
}

@Suite struct TaskManagerTests {
    @Test func aJobsProcessIsATaskManagerWhileItLives() throws {
        let process = try #require(ProcessIdentity.current)
        var record = JobRecord(
            id: JobID(namespace: "default", jobName: "job"),
            submission: Submission(name: "job", executable: "/bin/true", workingDirectory: "/"), state: .running(process),
            createdAtMillis: 0, controlToken: "t")
        let id = "job-\(process.pid)"
        let found = try #require(TaskManagerViews.details(id, [JobView(record: record)]))
        let text = String(decoding: try found.bytes(), as: UTF8.self)
        #expect(text.contains(#""id":"\#(id)""#) && text.contains(#""jobId":"\#(record.jobID.rawValue)""#), "\(text)")
        #expect(TaskManagerViews.details("job-0", [JobView(record: record)]) == nil)
        record.state = .ended(.finished)
        #expect(TaskManagerViews.details(id, [JobView(record: record)]) == nil)
    }
}
