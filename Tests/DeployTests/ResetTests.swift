import Foundation
import StreamRuntime
import TestKit
import Testing

/// `reset` deletes what Weir made, and only that, and only while nobody uses it.
@Suite struct ResetTests {
    private let folder = TemporaryFolder()
    private var data: String { folder.path + "/data" }
    private var checkpoints: String { folder.path + "/checkpoints" }
    private let job = JobID(namespace: "default", jobName: "word-count").rawValue

    private func reset(_ more: [String] = ["--yes"]) throws -> WeirRun {
        try WeirRun(["reset", "--checkpoint-dir", checkpoints] + more, data: data)
    }

    private func make(_ paths: String...) throws {
        for path in paths {
            let url = URL(fileURLWithPath: "\(folder.path)/\(path)")
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("x".utf8).write(to: url)
        }
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder.path)/\(path)") }

    @Test func whatWeirMadeGoesAndNothingElse() throws {
        try make(
            "data/log/owner.lock", "data/portfolios/LOCK", "data/orders/LOCK", "data/history.sqlite", "data/history.sqlite-wal",
            "data/service.key", "data/state/x/y", "data/order-topic/owner.lock", "checkpoints/\(job)/owner.lock",
            "checkpoints/\(job)/files/a", "checkpoints/README.md")
        let done = try reset()
        #expect(done.status == 0, "\(done.errors)")
        #expect(!exists("data") && !exists("checkpoints/\(job)") && exists("checkpoints/README.md"))
        #expect(try reset().output.hasPrefix("nothing to reset"))
    }

    @Test func whatAServerKeepsStays() throws {
        try make("data/service.key", "data/server/registry.sqlite", "data/server/savepoints/a/savepoint.manifest")
        #expect(try reset().status == 0)
        #expect(!exists("data/service.key") && exists("data/server/savepoints/a/savepoint.manifest"))
    }

    @Test func withoutATerminalNothingIsDeletedUnasked() throws {
        try make("data/service.key")
        let refused = try reset([])
        #expect(refused.status == 2 && refused.errors.contains("--yes"), "\(refused.errors)")
        #expect(exists("data/service.key"))
    }

    @Test(arguments: ["data/thesis.txt", "data/log2/a", "checkpoints/JOB/thesis.txt"])
    func aFolderThatHoldsSomethingElseIsLeftAlone(_ foreign: String) throws {
        let foreign = foreign.replacing("JOB", with: job)
        try make("data/service.key", "checkpoints/\(job)/chk-00000000000000000001-0000000000000000.manifest", foreign)
        let refused = try reset()
        #expect(refused.status == 1 && refused.errors.contains("holds what is not Weir's"), "\(refused.errors)")
        #expect(exists(foreign) && exists("data/service.key"))
    }

    @Test func rootAndHomeAreNoFoldersOfWeir() throws {
        for place in ["/", FileManager.default.homeDirectoryForCurrentUser.path] {
            let refused = try WeirRun(["reset", "--yes", "--checkpoint-dir", checkpoints], data: place)
            #expect(refused.status == 1 && refused.errors.contains("is no folder of Weir's own"), "\(refused.errors)")
        }
    }

    /// A service has no log, only the store.
    @Test func nothingIsDeletedUnderAServiceThatRuns() async throws {
        let service = try RunningSystem(command: ["service", "portfolio", "--port", "0", "--set", "data=\(data)"])
        defer { service.stop() }
        _ = try await service.said(#/(listens on)/#)
        let refused = try reset()
        #expect(refused.status == 1 && refused.errors.contains("/portfolios/LOCK"), "\(refused.errors)")
        #expect(exists("data/portfolios/CURRENT"))
    }

    @Test func nothingIsDeletedUnderAJobThatRuns() async throws {
        try make("data/service.key")
        let job = try RunningSystem(command: [
            "run", "market-feed", "--metrics-port", "0", "--set", "data=\(folder.path)/other", "--checkpoint-dir", checkpoints,
        ])
        defer { job.stop() }
        let id = JobID(namespace: "default", jobName: "market-feed").rawValue
        for _ in 0..<600 where !exists("checkpoints/\(id)/files") { try await Task.sleep(for: .milliseconds(50)) }
        let refused = try reset()
        #expect(refused.status == 1 && refused.errors.contains("\(id)/owner.lock"), "\(refused.errors)")
        #expect(exists("data/service.key") && exists("checkpoints/\(id)/files"))
    }
}
