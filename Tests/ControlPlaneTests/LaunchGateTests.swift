import ControlPlane
import Foundation
import StreamRuntime
import TestKit
import Testing
import WeirKit

/// A server that ends between starting a process and writing down which.
@Suite(.serialized) struct LaunchGateTests {
    private let harness = ServerHarness()

    /// As a server does.
    private func start(_ gate: borrowing LaunchGate) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("control-fixture"))
        process.arguments = ["run", "counting", "--metrics-port", "0"]
        process.currentDirectoryURL = URL(fileURLWithPath: harness.folder.path)
        process.environment = ["PATH": "/usr/bin:/bin", LaunchGate.variable: "stdin"]
        process.standardInput = FileHandle(fileDescriptor: gate.inside)
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func ended(_ process: Process) async throws -> Int32 {
        try await harness.eventually("the process ends") { !process.isRunning }
        return process.terminationStatus
    }

    private var hasCounted: Bool { FileManager.default.fileExists(atPath: harness.folder.path + "/counts.txt") }

    @Test func aProcessThatIsLetGoRuns() async throws {
        let gate = try LaunchGate()
        let process = try start(gate)
        gate.open()
        try await harness.eventually("it runs") { hasCounted }
        process.terminate()
        #expect(try await ended(process) == 0)
    }

    /// However long it takes to begin: it can be neither adopted nor in the way of the one that is started in its place.
    @Test func aProcessThatWasNeverWrittenDownDoesNothing() async throws {
        let gate = try LaunchGate()
        let process = try start(gate)
        _ = consume gate
        #expect(try await ended(process) == ExitStatus.interrupted.rawValue)
        #expect(!hasCounted)
        #expect(!FileManager.default.fileExists(atPath: harness.folder.path + "/checkpoints"))

        // What its server left: it had asked for a process.
        let id = JobID(namespace: "default", jobName: "counting")
        do {
            let submission = Submission(
                name: "counting", executable: try BuiltExecutable.path("control-fixture"),
                workingDirectory: harness.folder.path)
            try JobRegistry(folder: harness.registryFolder).save(
                JobRecord(id: id, submission: submission, state: .launching, createdAtMillis: 1, controlToken: "t0ken"))
        }
        try await harness.startServer()
        try await harness.waitUntil("counting", is: "RUNNING")
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
    }
}
