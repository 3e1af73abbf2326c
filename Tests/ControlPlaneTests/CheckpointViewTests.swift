import ControlPlane
import Foundation
import StreamRuntime
import Testing
import WeirKit

/// Checkpoints and savepoints of a job, as Flink's clients read them.
@Suite struct CheckpointViewTests {
    /// Epochs 5 (whose manifest is gone), 6 (of which a savepoint was made) and 7.
    private func view() throws -> JobView {
        func record(_ epoch: Int, _ more: [String: Any] = [:]) -> [String: Any] {
            [
                "durationMillis": 12, "endedAtMillis": 1012, "epoch": epoch, "newBytes": 8, "path": "/c/chk-\(epoch).manifest",
                "shares": [[String: Any]](), "stateBytes": 80, "status": "COMPLETED", "triggeredAtMillis": 1000,
            ].merging(more) { $1 }
        }
        let savepoint = record(6, ["savepointPath": "/s/savepoint-6"])
        let snapshot = try StoredSnapshots.current {
            $0["checkpoints"] = [
                "completed": 3, "failed": 0, "restores": 0, "records": [record(5, ["isDiscarded": true]), savepoint, record(7)],
                "lastSavepoint": savepoint,
            ]
        }
        let job = JobRecord(
            id: JobID(namespace: "default", jobName: "counting"),
            submission: Submission(name: "counting", executable: "/bin/true", workingDirectory: "/"), state: .ended(.finished),
            createdAtMillis: 0, controlToken: "t")
        return JobView(record: job, snapshot: snapshot)
    }

    private func object(_ json: JSON) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: try json.bytes()) as? [String: Any])
    }

    /// Number, whether it is a savepoint, its type, its path, whether it is discarded.
    private func facts(_ entry: Any?) throws -> String {
        let entry = try #require(entry as? [String: Any])
        let (isSavepoint, isDiscarded) = (entry["is_savepoint"] as? Bool, entry["discarded"] as? Bool)
        return "\(entry["id"] ?? "-") \(isSavepoint == true) \(entry["checkpoint_type"] ?? "-") "
            + "\(entry["external_path"] ?? "-") \(isDiscarded == true)"
    }

    @Test func savepointsAreToldWithTheirPathAndCheckpointsThatAreGoneAsDiscarded() throws {
        let view = try view()
        let statistics = try object(CheckpointViews.statistics(view))
        let history = try #require(statistics["history"] as? [Any])
        #expect(
            try history.map(facts) == [
                "7 false CHECKPOINT /c/chk-7.manifest false", "6 true SAVEPOINT /s/savepoint-6 false",
                "5 false CHECKPOINT /c/chk-5.manifest true",
            ])
        let latest = try #require(statistics["latest"] as? [String: Any])
        #expect(try facts(latest["savepoint"]) == "6 true SAVEPOINT /s/savepoint-6 false")
        #expect(try facts(latest["completed"]) == "7 false CHECKPOINT /c/chk-7.manifest false")
    }

    @Test func aCheckpointThatASavepointWasMadeOfIsStillTheLatestCheckpoint() throws {
        var view = try view()
        view.snapshot = try StoredSnapshots.current { _ in }
        var latest = try #require(try object(CheckpointViews.statistics(view))["latest"] as? [String: Any])
        #expect(latest["savepoint"] is NSNull, "a snapshot of an older release tells of none")
        #expect(try facts(latest["completed"]) == "5 false CHECKPOINT /c/chk-5.manifest false")

        view.snapshot = try StoredSnapshots.current {
            guard var checkpoints = $0["checkpoints"] as? [String: Any], var records = checkpoints["records"] as? [[String: Any]]
            else { return }
            records[0]["savepointPath"] = "/s/savepoint-5"
            checkpoints["records"] = records
            $0["checkpoints"] = checkpoints
        }
        let statistics = try object(CheckpointViews.statistics(view))
        latest = try #require(statistics["latest"] as? [String: Any])
        #expect(try facts(latest["completed"]) == "5 false CHECKPOINT /c/chk-5.manifest false")
        #expect(try facts((statistics["history"] as? [Any])?.first) == "5 true SAVEPOINT /s/savepoint-5 false")
    }

    @Test func whatIsToldOfSavepointsTravelsBetweenVersions() throws {
        let checkpoints = try #require(try view().snapshot?.checkpoints)
        let snapshot = try #require(try view().snapshot)
        let again = try JSONDecoder().decode(JobSnapshot.self, from: try JSONEncoder().encode(snapshot))
        #expect(again.checkpoints == checkpoints)
        #expect(checkpoints.records.map(\.savepointPath) == [nil, "/s/savepoint-6", nil])
        #expect(checkpoints.records.map(\.isDiscarded) == [true, nil, nil] && checkpoints.lastSavepoint?.epoch == 6)
    }
}
