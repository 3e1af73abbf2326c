import Foundation
import Jobs
import StreamRuntime
import TestKit
import Testing

@Suite struct CopyProgressTests {
    /// A checkpoint of a job that has read 7 trades of partition 0 and 3 of partition 2.
    private func manifest(list: String = "") throws -> CheckpointManifest {
        let json = """
            {"checkpoint": "189040261476eb2cff216070a2092daf/0/5/0bcf7779bcda092e", "createdAtMillis": 1, "format": 1,
             "jobName": "trade-history", "keyGroups": 128, "operators": [
               {"id": "bulks", "lists": [\(list)], "positions": [], "state": []},
               {"id": "trades", "lists": [], "state": [], "positions": [
                 {"split": "trade_executed/0", "next": 7}, {"split": "trade_executed/2", "next": 3},
                 {"split": "trade_orders/1", "next": 9}]}]}
            """
        return try JSONDecoder().decode(CheckpointManifest.self, from: Data(json.utf8))
    }

    private func list(_ schema: String, count: Int) -> String {
        """
        {"name": "x", "schema": "\(schema)", "count": \(count), "file": {"path": "files/x", "bytes": 1, "hash": "00"}}
        """
    }

    @Test func whatLiesBehindThePositionsIsRead() throws {
        let progress = try #require(CopyProgress(manifest()))
        #expect(progress.hasRead(partition: 0, offset: 6) && !progress.hasRead(partition: 0, offset: 7))
        #expect(progress.hasRead(partition: 2, offset: 2) && !progress.hasRead(partition: 2, offset: 3))
        #expect(!progress.hasRead(partition: 1, offset: 0))
    }

    @Test func aCheckpointThatHoldsTradesTellsNothing() throws {
        #expect(try CopyProgress(manifest(list: list("trade-1", count: 2))) == nil)
        #expect(try CopyProgress(manifest(list: list("trade-1", count: 0))) != nil)
        #expect(try CopyProgress(manifest(list: list("watermark", count: 1))) != nil)
        #expect(try CopyProgress(manifest(list: list("split-watermark", count: 4))) != nil)
    }

    @Test func withoutACheckpointNothingIsTold() {
        let folder = TemporaryFolder()
        let root = folder.path + "/checkpoints"
        #expect(CopyProgress.newest(checkpointRoot: root, job: JobID(namespace: "default", jobName: "trade-history")) == nil)
        #expect(!FileManager.default.fileExists(atPath: root))
    }
}
