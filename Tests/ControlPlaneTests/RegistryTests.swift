import ControlPlane
import Foundation
import StreamRuntime
import TestKit
import Testing
import WeirKit

/// A registry that is not as it was left.
@Suite struct RegistryTests {
    private let folder = TemporaryFolder()

    @Test func aDamagedFileIsRefusedWithTheRemedy() throws {
        let path = folder.path + "/registry.sqlite"
        try Data(repeating: 0x58, count: 8192).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: CommandFailure.self) { try JobRegistry(folder: folder.path) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(path) && text.contains("move the file away") && text.contains("SIGTERM"), "\(text)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == 8192, "it is left as it was")
    }
}

/// A server whose registry goes.
@Suite(.serialized) struct LostRegistryTests {
    private let harness = ServerHarness()
    private let counting = JobID(namespace: "default", jobName: "counting").rawValue

    /// Nothing is wrong with what was asked, and nothing was started.
    @Test func aRegistryThatCannotBeWrittenIsTheServersFailure() async throws {
        try await harness.startServer()
        try FileManager.default.removeItem(atPath: harness.registryFolder)
        let refused = try await harness.run(["submit", "counting", "--detached"])
        #expect(refused.code == 1 && refused.errors.contains("registry cannot be written"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: harness.folder.path + "/counts.txt"))
        #expect(try await harness.run(["list"]).output == "no jobs; 'submit JOB' adds one\n")
    }

    @Test func aServerWithoutItsRegistryNamesTheJobsThatStillRun() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "--detached"]).code == 0)
        let pid = try #require(try await harness.pid("counting"))
        try await harness.stopServer(SIGKILL)
        for name in try FileManager.default.contentsOfDirectory(atPath: harness.registryFolder)
        where name.hasPrefix("registry.sqlite") {
            try FileManager.default.removeItem(atPath: "\(harness.registryFolder)/\(name)")
        }
        try await harness.startServer()
        try await harness.eventually("the job is named") {
            harness.serverLog.split(separator: "\n").contains {
                $0.contains("the registry does not know") && $0.contains(counting) && $0.contains("\(pid)")
            }
        }
    }
}
