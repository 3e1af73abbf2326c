import Foundation
import StreamRuntime
import TestKit
import Testing

/// Savepoints and state from the command line.
@Suite struct SavepointCommandTests {
    let fixture = Fixture(folder: TemporaryFolder())
    private let base = [
        "run", "count-numbers", "--set", "count-numbers.output=out.txt", "--metrics-port", "0", "--checkpoint-interval", "50ms",
    ]

    private func written() -> Int { (try? total()) ?? 0 }

    private func total() throws -> Int {
        try String(contentsOfFile: fixture.folder.path + "/out.txt", encoding: .utf8).split(separator: "\n").count
    }

    private func exported() async throws -> String {
        // Each of the ten digits once, at least.
        #expect(try await fixture.run(base) { written() >= 10 }.code == 0)
        let export = try await fixture.run(["checkpoints", "export", "checkpoints", "--to", "savepoints"])
        #expect(export.code == 0, "\(export.errors)")
        return export.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func aJobGoesOnFromAnExportedSavepointOnAnotherBackendAtAnotherParallelism() async throws {
        let path = try await exported()
        #expect(path.hasPrefix("savepoints/savepoint-"))
        for (command, text) in [("list", "count-numbers"), ("show", "stored as savepoint"), ("verify", "the savepoint is whole")]
        {
            let result = try await fixture.run(["checkpoints", command, path])
            #expect(result.code == 0 && result.output.contains(text), "\(command): \(result.output)\(result.errors)")
        }
        let before = try total()
        let result = try await fixture.run(
            base + ["--from-savepoint", path, "--state-backend", "rocksdb", "--parallelism", "3"]
        ) { written() > before }
        #expect(result.code == 0, "\(result.errors)")
        let lines = try String(contentsOfFile: fixture.folder.path + "/out.txt", encoding: .utf8).split(separator: "\n")
        #expect(lines.count > before)
        #expect(Set(lines).count == lines.count, "each total of each digit comes once: nothing was counted twice or anew")
        // Said again it starts nothing over: what followed is decided.
        let again = try await fixture.run(base + ["--from-savepoint", path, "--for", "200ms"])
        #expect(again.code == 0 && again.errors.contains("started from it before"), "\(again.errors)")
    }

    @Test func anOlderSavepointNeedsToBeAccepted() async throws {
        let path = try await exported()
        let before = try total()
        #expect(try await fixture.run(base) { written() > before }.code == 0)
        let refused = try await fixture.run(base + ["--from-savepoint", path])
        #expect(refused.code == 3)
        #expect(
            refused.errors.contains("is not the last decision") && refused.errors.contains("--accept-replay"), "\(refused.errors)"
        )
        #expect(try await fixture.run(base + ["--from-savepoint", path, "--accept-replay", "--for", "200ms"]).code == 0)
    }

    @Test func stateIsDumpedAsJSONLines() async throws {
        let path = try await exported()
        for place in [path, "checkpoints"] {
            let dump = try await fixture.run(["state", "dump", place, "--operator", "fold"])
            #expect(dump.code == 0, "\(dump.errors)")
            let rows = try dump.output.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(Set(rows.compactMap { $0["key"] as? Int }) == Set(0...9))
            #expect(rows.compactMap { $0["value"] as? Int }.reduce(0, +) == (try total()))
        }
        let one = try await fixture.run(["state", "dump", path, "--state", "value", "--key", "7"])
        #expect(one.output.hasPrefix(#"{"operator":"fold","state":"value","kind":"value","key":7,"value":"#))
        #expect(one.output.split(separator: "\n").count == 1)
        let unknown = try await fixture.run(["state", "dump", path, "--operator", "flod"])
        #expect(unknown.code == 2 && unknown.errors.contains("Did you mean 'fold'?"), "\(unknown.errors)")
        #expect(unknown.errors.contains("Operators with state: fold"), "\(unknown.errors)")
    }

    @Test func aJobWithoutStateHasNoneToName() async throws {
        #expect(try await fixture.run(["run", "empty", "--metrics-port", "0"]).code == 0)
        let dump = try await fixture.run(["state", "dump", "checkpoints", "--operator", "fold"])
        #expect(dump.code == 2 && dump.errors.contains("'fold': no operator has any here"), "\(dump.errors)")
    }

    @Test func aDamagedSavepointIsFoundAndRefused() async throws {
        let path = try await exported()
        let files = fixture.folder.path + "/\(path)/files"
        let file = try #require(try FileManager.default.contentsOfDirectory(atPath: files).max())
        var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(files)/\(file)"))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: "\(files)/\(file)"))
        let verify = try await fixture.run(["checkpoints", "verify", path])
        #expect(verify.code == 1 && verify.errors.contains(file), "\(verify.errors)")
        let run = try await fixture.run(base + ["--from-savepoint", path])
        #expect(run.code == 3 && run.errors.contains(file), "\(run.errors)")
        let nowhere = try await fixture.run(base + ["--from-savepoint", "nowhere"])
        #expect(nowhere.code == 3 && nowhere.errors.contains("there is no savepoint in nowhere"), "\(nowhere.errors)")
    }
}
