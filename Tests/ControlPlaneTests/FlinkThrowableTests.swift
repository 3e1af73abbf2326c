import ControlPlane
import Foundation
import StreamRuntime
import Testing
import WeirKit

/// What Flink's Java clients read of a failure.
@Suite struct FlinkThrowableTests {
    private let job = JobID(namespace: "default", jobName: "counting")

    private func object(_ json: JSON) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: try json.bytes()) as? [String: Any])
    }

    /// Made of the specification by other means; the text has each of the lengths that Java writes characters with.
    @Test func itIsAThrowableInJavasSerializedForm() throws {
        let cause = try object(FlinkThrowable.json(class: "weir.JobFailed", "no disk é€😀\0"))
        #expect(cause["class"] as? String == "weir.JobFailed" && cause["stack-trace"] as? String == "no disk é€😀\0")
        let expected = """
            rO0ABXNyAClvcmcuYXBhY2hlLmZsaW5rLnV0aWwuU2VyaWFsaXplZFRocm93YWJsZWUWnfUfpxPzAgACTAAZZnVsbFN0cmluZ2lmaWVkU3Rh\
            Y2tUcmFjZXQAEkxqYXZhL2xhbmcvU3RyaW5nO0wAFm9yaWdpbmFsRXJyb3JDbGFzc05hbWV0ABJMamF2YS9sYW5nL1N0cmluZzt4cgATamF2\
            YS5sYW5nLkV4Y2VwdGlvbtD9Hz4aOxzEAgAAeHIAE2phdmEubGFuZy5UaHJvd2FibGXVxjUnOXe4ywMAAUwADWRldGFpbE1lc3NhZ2V0ABJM\
            amF2YS9sYW5nL1N0cmluZzt4cHQAFW5vIGRpc2sgw6nigqztoL3tuIDAgHh0ACV3ZWlyLkpvYkZhaWxlZDogbm8gZGlzayDDqeKCrO2gve24\
            gMCAdAAOd2Vpci5Kb2JGYWlsZWQ=
            """
        #expect(cause["serialized-throwable"] as? String == expected)
    }

    @Test func aTextBeyondTheShortLengthHasTheLongOne() throws {
        let reason = String(repeating: "x", count: 70_000)
        let text = try #require(try object(FlinkThrowable.json(class: "A", reason))["serialized-throwable"] as? String)
        let bytes = try #require(Data(base64Encoded: text))
        #expect(bytes.range(of: Data([0x70, 0x7C, 0, 0, 0, 0, 0, 1, 0x11, 0x70, 0x78, 0x78])) != nil, "its message")
        #expect(bytes.suffix(4) == Data([0x74, 0, 1, 0x41]), "its class")
    }

    @Test func failedOperationsAndFailedJobsHaveOne() throws {
        var operation = Operation(id: "1", job: job, kind: .savepoint, begunAtMillis: 0)
        operation.fail("it is full")
        let answer = try object(OperationView.json(operation))["operation"] as? [String: Any]
        let cause = try #require(answer?["failure-cause"] as? [String: Any])
        #expect(cause["class"] as? String == "weir.OperationFailed" && cause["serialized-throwable"] is String)

        #expect(answer?["failureCause"] == nil)

        // Flink's name for it where a checkpoint was asked for.
        var checkpoint = Operation(id: "2", job: job, kind: .checkpoint(fromMillis: 0), begunAtMillis: 0)
        checkpoint.fail("it is full")
        let failed = try object(OperationView.json(checkpoint))["operation"] as? [String: Any]
        #expect((failed?["failureCause"] as? [String: Any])?["stack-trace"] as? String == "it is full")

        var record = JobRecord(
            id: job, submission: Submission(name: "counting", executable: "/bin/true", workingDirectory: "/"),
            state: .ended(.failed(reason: "bad")), createdAtMillis: 0, controlToken: "t")
        func result() throws -> [String: Any]? {
            try object(JobViews.executionResult(JobView(record: record), atMillis: 5))["job-execution-result"] as? [String: Any]
        }
        let failure = try result()?["failure-cause"] as? [String: Any]
        #expect(failure?["stack-trace"] as? String == "bad" && failure?["serialized-throwable"] is String)
        record.state = .ended(.finished)
        #expect(try result()?["failure-cause"] == nil, "null would not be read")
    }
    @Test func whatAnOperationHasNotIsLeftOut() throws {
        var savepoint = Operation(id: "1", job: job, kind: .savepoint, begunAtMillis: 0)
        savepoint.written = "/s"
        savepoint.update(.ended(.finished), nil, atMillis: 1)
        #expect(OperationView.json(savepoint) == ["status": ["id": "COMPLETED"], "operation": ["location": "/s"]])
        var rescale = Operation(id: "2", job: job, kind: .relaunch(from: nil), begunAtMillis: 0)
        rescale.update(.running(try #require(ProcessIdentity.current)), nil, atMillis: 1)
        #expect(OperationView.json(rescale) == ["status": ["id": "COMPLETED"], "operation": [:]])
    }
}
