import Foundation
import StreamRuntime
import TestKit
import Testing

@Suite struct CheckpointCommandTests {
    let fixture = Fixture(folder: TemporaryFolder())
    private var jobFolder: String {
        "\(fixture.folder.path)/checkpoints/\(JobID(namespace: "default", jobName: "count-numbers"))"
    }

    private let base = [
        "run", "count-numbers", "--set", "count-numbers.output=out.txt", "--metrics-port", "0", "--checkpoint-interval", "50ms",
    ]

    private func manifests() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: jobFolder)) ?? []).filter { $0.hasSuffix(".manifest") }.sorted()
    }

    /// As many as are retained, all of them with records behind them.
    private func makeCheckpoints() async throws {
        let output = fixture.folder.path + "/out.txt"
        var early: String?
        let run = try await fixture.run(base) {
            guard FileManager.default.fileExists(atPath: output) else { return false }
            let now = manifests()
            if early == nil { early = now.last ?? "" }
            return now.count >= 3 && now[0] > early ?? ""
        }
        #expect(run.code == 0, "\(run.errors)")
    }

    private func flipByte(of path: String, at offset: Int) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[offset] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    private func stateFile() throws -> String {
        let files = try FileManager.default.contentsOfDirectory(atPath: jobFolder + "/files").sorted()
        return try #require(files.first)
    }

    /// Of a job that has taken none yet; the folder may be a backup that cannot be written to.
    @Test func lookingAtAFolderLeavesItAsItIs() async throws {
        try FileManager.default.createDirectory(atPath: jobFolder, withIntermediateDirectories: true)
        let list = try await fixture.run(["checkpoints", "list", "checkpoints"])
        #expect(list.code == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: jobFolder) == [])
    }

    @Test func listShowAndVerifySoundCheckpoints() async throws {
        try await makeCheckpoints()
        for place in ["checkpoints", jobFolder] {
            let list = try await fixture.run(["checkpoints", "list", place])
            #expect(list.code == 0)
            #expect(list.output.hasPrefix("JOB            EPOCH  CREATED"))
            #expect(list.output.split(separator: "\n").count == 4)  // three are retained
        }
        let asJSON = try await fixture.run(["checkpoints", "list", "--output", "json"])
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(asJSON.output.utf8)) as? [[String: Any]])
        #expect(rows.count == 3)
        #expect(rows.allSatisfy { $0["job"] as? String == "count-numbers" && $0["files"] as? Int ?? 0 > 0 })

        let epoch = try #require(rows.first?["epoch"] as? Int)
        let show = try await fixture.run(["checkpoints", "show", "--checkpoint", "\(epoch)"])
        #expect(show.code == 0)
        for text in ["operator fold", "state value: value, i64 → i64", "split part-0: next position", "xxh64"] {
            #expect(show.output.contains(text), "\(show.output)")
        }
        #expect(show.output.contains(" in 1 file\n"), "\(show.output)")
        let newest = try await fixture.run(["checkpoints", "show", jobFolder, "--output", "json"])
        #expect(try JSONSerialization.jsonObject(with: Data(newest.output.utf8)) is [String: Any])

        let verify = try await fixture.run(["checkpoints", "verify", "checkpoints"])
        #expect(verify.code == 0)
        #expect(verify.output == "3 checkpoints are whole\n")
    }

    @Test func twoCheckpointsAreComparedByEpochManifestOrFolder() async throws {
        try await makeCheckpoints()
        let listed = try await fixture.run(["checkpoints", "list", "--output", "json"])
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        let epochs = rows.compactMap { $0["epoch"] as? Int }
        let (first, last) = (try #require(epochs.first), try #require(epochs.last))
        let names = try FileManager.default.contentsOfDirectory(atPath: jobFolder)
        let oldest = "\(jobFolder)/\(try #require(names.filter { $0.hasSuffix(".manifest") }.min()))"
        for (a, b) in [("\(first)", "\(last)"), (oldest, jobFolder), ("\(first)", "checkpoints")] {
            let diff = try await fixture.run(["checkpoints", "diff", a, b])
            #expect(diff.code == 0, "\(diff.errors)")
            for text in ["operator fold: differs", "split part-0: "] {
                #expect(diff.output.contains(text), "\(a) \(b): \(diff.output)")
            }
            let json = try await fixture.run(["checkpoints", "diff", a, b, "--output", "json"])
            let found = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            #expect((found["a"] as? [String: Any])?["checkpoint"] as? String == rows.first?["checkpoint"] as? String)
            #expect((found["b"] as? [String: Any])?["checkpoint"] as? String == rows.last?["checkpoint"] as? String)
            #expect((found["operators"] as? [[String: Any]])?.contains { $0["id"] as? String == "fold" } == true)
        }
        let missing = try await fixture.run(["checkpoints", "diff", "\(first)", "999999", "--in", jobFolder])
        #expect(missing.code == 2 && missing.errors.contains("there is no checkpoint '999999'"), "\(missing.errors)")
    }

    @Test func aFlippedByteInAStateFileIsFound() async throws {
        try await makeCheckpoints()
        let file = try stateFile()
        try flipByte(of: "\(jobFolder)/files/\(file)", at: 10)
        let verify = try await fixture.run(["checkpoints", "verify", "checkpoints"])
        #expect(verify.code == 1)
        #expect(verify.errors.contains(file) && verify.errors.contains("checksum"), "\(verify.errors)")
    }

    @Test func aShortenedOrMissingFileIsFound() async throws {
        try await makeCheckpoints()
        let file = try stateFile()
        let path = "\(jobFolder)/files/\(file)"
        try Data(contentsOf: URL(fileURLWithPath: path)).dropLast().write(to: URL(fileURLWithPath: path))
        let short = try await fixture.run(["checkpoints", "verify", "checkpoints"])
        #expect(short.code == 1)
        #expect(short.errors.contains(file) && short.errors.contains("bytes, the manifest says"), "\(short.errors)")
        try FileManager.default.removeItem(atPath: path)
        let missing = try await fixture.run(["checkpoints", "verify", "checkpoints"])
        #expect(missing.code == 1)
        #expect(missing.errors.contains("is missing"), "\(missing.errors)")
    }

    @Test func aDamagedManifestIsFoundAndListed() async throws {
        try await makeCheckpoints()
        let manifest = try #require(manifests().first)
        try flipByte(of: "\(jobFolder)/\(manifest)", at: 200)
        let verify = try await fixture.run(["checkpoints", "verify", "checkpoints"])
        #expect(verify.code == 1)
        #expect(verify.errors.contains(manifest) && verify.errors.contains("is damaged"), "\(verify.errors)")
        let list = try await fixture.run(["checkpoints", "list"])
        #expect(list.code == 0)
        #expect(list.output.contains("is damaged"))
    }

    /// The remedy that the refusal names.
    @Test func aJobWhoseNewestManifestIsDamagedStartsFromAnOlderOneWhenAReplayIsAccepted() async throws {
        try await makeCheckpoints()
        let newest = try #require(manifests().last), oldest = try #require(manifests().first)
        try Data(contentsOf: URL(fileURLWithPath: "\(jobFolder)/\(newest)")).prefix(60)
            .write(to: URL(fileURLWithPath: "\(jobFolder)/\(newest)"))
        let again = base + ["--for", "300ms"]
        let refused = try await fixture.run(again)
        #expect(refused.code == 3 && refused.errors.contains(newest), "\(refused.errors)")
        let epoch = try #require(oldest.split(separator: "-").dropFirst().first.flatMap { Int($0) })
        let unaccepted = try await fixture.run(again + ["--from-checkpoint", "\(epoch)"])
        #expect(unaccepted.code == 3, "\(unaccepted.errors)")
        // The epochs of the damaged one are taken: what follows is newer.
        let known = Set(manifests())
        let started = try await fixture.run(base + ["--from-checkpoint", "\(epoch)", "--accept-replay"]) {
            !known.isSuperset(of: manifests())
        }
        #expect(started.code == 0, "\(started.errors)")
        #expect(try #require(manifests().last) > newest)
        #expect(try await fixture.run(again).code == 0)
    }

    @Test func checkpointsOfARunningJobAreNeverCalledDamaged() async throws {
        let running = try fixture.start([
            "run", "count-numbers", "--set", "count-numbers.output=out.txt", "--metrics-port", "0",
            "--checkpoint-interval", "10ms",
        ])
        var seen: Set<String> = []
        try await eventually("checkpoints are made, and old ones removed") {
            seen.formUnion(manifests())
            return seen.count > 10
        }
        for _ in 0..<15 {
            let verify = try await fixture.run(["checkpoints", "verify", "checkpoints"])
            #expect(verify.code == 0 || verify.errors.contains("there are no checkpoints"), "\(verify.errors)")
            let list = try await fixture.run(["checkpoints", "list"])
            #expect(list.code == 0 && !list.output.contains("missing"), "\(list.output)")
        }
        running.send(SIGTERM)
        #expect(try await running.result().code == 0)
    }

    @Test func foldersWithoutCheckpointsAreNamed() async throws {
        let missing = try await fixture.run(["checkpoints", "list", "nowhere"])
        #expect(missing.code == 1)
        #expect(missing.errors == "error: there is no folder nowhere; give the checkpoint root, or a job's folder in it\n")
        try FileManager.default.createDirectory(atPath: fixture.folder.path + "/hollow", withIntermediateDirectories: true)
        let empty = try await fixture.run(["checkpoints", "list", "hollow"])
        #expect(empty.code == 0)
        #expect(empty.output == "There are no checkpoints in hollow.\n")
        #expect(try await fixture.run(["checkpoints", "verify", "hollow"]).code == 1)
    }
}
