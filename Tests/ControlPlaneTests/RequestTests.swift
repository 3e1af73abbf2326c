import ControlPlane
import Foundation
import StreamRuntime
import TestKit
import Testing
import WeirKit

/// What requests say that is not as it must be, and what they are answered.
@Suite(.serialized) struct RequestTests {
    private let harness = ServerHarness()
    private let counting = JobID(namespace: "default", jobName: "counting").rawValue

    private func startCounting() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "100ms"]).code == 0)
    }

    @Test func fieldsAndWordsThatNobodyKnowsAreRefused() async throws {
        try await startCounting()
        let wrong: [(path: String, body: String, says: String)] = [
            ("savepoints", #"{"target": "/x"}"#, "'target' is no field of this request"),
            ("savepoints", #"{"targetDirectory": "/x"}"#, "Did you mean 'target-directory'?"),
            ("savepoints", #"{"formatType": "BOGUS"}"#, "'formatType': 'BOGUS' is none of CANONICAL, NATIVE"),
            ("savepoints", #"{"triggerId": "x"}"#, "'triggerId': 'x' is not 32 hex digits"),
            ("stop", #"{"target-directory": "/x"}"#, "Did you mean 'targetDirectory'?"),
            ("stop", #"{"drain": "yes"}"#, "'drain' is not true or false"),
            ("stop", #"{"formatType": "BOGUS"}"#, "'BOGUS'"),
            ("checkpoints", #"{"checkpointType": "BOGUS"}"#, "CONFIGURED, FULL, INCREMENTAL"),
            ("checkpoints", #"{"a": 1}"#, "'a'"),
            ("profile", #"{"method": "x"}"#, "'method': 'x' is none of auto, stacks, busy"),
            ("profile", #"{"seconds": "3"}"#, "'seconds' is not a whole number"),
            ("stop", "{", "it is no JSON that is read here"), ("stop", "[]", "it is not an object"),
        ]
        for (path, body, says) in wrong {
            let answer = try await harness.http("POST", "/jobs/\(counting)/\(path)", body: body)
            #expect(answer.status == 400 && answer.errors.first?.contains(says) == true, "\(path) \(body): \(answer.body)")
        }
        let submission = try await harness.http("POST", "/jobs", body: #"{"name": "a", "setting": {}}"#)
        #expect(submission.status == 400 && submission.errors.first?.contains("Did you mean 'settings'?") == true)
        #expect(try await harness.job("counting")?["state"] as? String == "RUNNING")
    }

    /// It is as if nobody had asked: nothing is listed, and what an earlier run left stays.
    @Test func aSubmissionThatCannotBeStartedIsNotListed() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "short"]).code == 0)
        let short = JobID(namespace: "default", jobName: "short").rawValue
        func vertices() async throws -> Int? {
            (try await harness.http("GET", "/jobs/\(short)").object["vertices"] as? [Any])?.count
        }
        let before = try #require(try await vertices())
        #expect(before > 0)
        let executable = try BuiltExecutable.path("control-fixture"), gone = harness.folder.path + "/gone"
        for name in ["short", "counting"] {
            let body = #"{"name": "\#(name)", "executable": "\#(executable)", "workingDirectory": "\#(gone)"}"#
            let answer = try await harness.http("POST", "/jobs", body: body)
            let says = "cannot be started in \(gone)"
            #expect(answer.status == 400 && answer.errors.first?.contains(says) == true, "\(answer.body)")
        }
        for isRestarted in [false, true] {
            if isRestarted {
                try await harness.stopServer()
                try await harness.startServer()
            }
            let jobs = try #require(try await harness.http("GET", "/jobs/overview").object["jobs"] as? [[String: Any]])
            #expect(jobs.count == 1 && jobs.first?["state"] as? String == "FINISHED", "\(jobs)")
            #expect(try await vertices() == before)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.registryFolder + "/jobs") == [short])
    }

    /// As Flink's command line sends them, nulls included.
    @Test func whatFlinksClientSendsIsTakenAndARepeatedRequestIsTheSameOperation() async throws {
        try await startCounting()
        let trigger = String(repeating: "0a", count: 16), folder = harness.folder.path + "/mine"
        let body =
            #"{"target-directory": "\#(folder)", "cancel-job": false, "formatType": "CANONICAL", "triggerId": "\#(trigger)"}"#
        for _ in 0..<2 {
            let answer = try await harness.http("POST", "/v1/jobs/\(counting)/savepoints", body: body)
            #expect(answer.status == 202 && answer.object["request-id"] as? String == trigger, "\(answer.body)")
        }
        try await harness.eventually("the savepoint is written") {
            "\(try await harness.http("GET", "/jobs/\(counting)/savepoints/\(trigger)").body)".contains("COMPLETED")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
        // Ids are read in either case; what cannot be one is a bad request, what is none is not found.
        let none = String(repeating: "0", count: 32)
        for (path, status) in [
            ("\(counting.uppercased())/savepoints/\(trigger.uppercased())", 200), ("\(counting)/vertices/v", 400),
            ("\(counting)/vertices/\(none)", 404), ("\(counting)/checkpoints/details/x", 400),
            ("\(counting)/checkpoints/details/999999999", 404), ("\(counting)/exceptions?maxExceptions=x", 400),
        ] {
            #expect(try await harness.http("GET", "/jobs/\(path)").status == status, "\(path)")
        }
        // An operation is found where it was begun, and its id means no other.
        for path in ["checkpoints", "rescaling", "profile"] {
            #expect(try await harness.http("GET", "/jobs/\(counting)/\(path)/\(trigger)").status == 404, "\(path)")
        }
        let other = try await harness.http(
            "POST", "/jobs/\(counting)/checkpoints", body: #"{"checkpointType": "FULL", "triggerId": "\#(trigger)"}"#)
        #expect(other.status == 409)
        let unnamed = try await harness.http(
            "POST", "/jobs/\(counting)/checkpoints", body: #"{"checkpointType": "CONFIGURED", "triggerId": null}"#)
        #expect(unnamed.status == 202)
        let stop = String(repeating: "0b", count: 16)
        let end = #"{"targetDirectory": null, "drain": false, "formatType": "NATIVE", "triggerId": "\#(stop)"}"#
        #expect(try await harness.http("POST", "/jobs/\(counting)/stop", body: end).status == 202)
        try await harness.waitUntil("counting", is: "FINISHED")
        #expect(try await harness.http("POST", "/jobs/\(counting)/stop", body: end).object["request-id"] as? String == stop)
    }

    @Test func aMethodThatAPathDoesNotHaveIsToldFromAPathThatIsNotThere() async throws {
        try await harness.startServer()
        for (method, path, allowed) in [
            ("PUT", "/jobs", "GET, HEAD, POST"), ("OPTIONS", "/overview", "GET, HEAD"), ("DELETE", "/v1/overview", "GET, HEAD"),
            ("GET", "/jobs/x/stop", "POST"), ("POST", "/", "GET, HEAD"), ("POST", "/healthz", "GET, HEAD"),
        ] {
            let answer = try await harness.http(method, path)
            #expect(
                answer.status == 405 && answer.headers["allow"] == allowed,
                "\(method) \(path): \(answer.status) \(answer.headers)")
        }
        #expect(try await harness.http("PUT", "/nowhere").status == 404)
        for path in ["/overview", "/", "/metrics"] {
            let head = try await harness.http("HEAD", path)
            #expect(head.status == 200 && head.body as? String == "", "\(path): \(head.status)")
        }
    }

    @Test func whoHasNoTokenIsToldWhichIsWanted() async throws {
        try await harness.startServer(environment: ["WEIR_SERVER_TOKEN": "s3cret"])
        let refused = try await harness.http("GET", "/overview")
        #expect(refused.status == 401 && refused.headers["www-authenticate"] == "Bearer")
        #expect(try await harness.http("GET", "/overview", headers: ["Authorization": "bearer s3cret"]).status == 200)
        #expect(try await harness.http("HEAD", "/overview").status == 401)
        #expect(try await harness.http("HEAD", "/").status == 200)
    }

    @Test func jobsKeepTheirOrderAndWhatAnEarlierRunSaidIsForgottenAcrossARestart() async throws {
        try await harness.startServer()
        for job in ["short", "counting", "short"] {
            let submitted = try await harness.run(["submit", job, "-d"])
            #expect(submitted.code == 0, "\(submitted.errors)")
            try await harness.waitUntil(job, is: job == "short" ? "FINISHED" : "RUNNING")
        }
        func names() async throws -> [String] {
            let jobs = try await harness.http("GET", "/jobs/overview").object["jobs"] as? [[String: Any]]
            return jobs?.compactMap { $0["name"] as? String } ?? []
        }
        #expect(try await names() == ["counting", "short"])
        try await harness.stopServer()
        try await harness.startServer()
        #expect(try await names() == ["counting", "short"])
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        #expect(try await harness.own("counting")["recordsInPerSecond"] as? Double == 0)
    }

    @Test func whatAnswersAndIsNoWeirServerIsCalledSo() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d"]).code == 0)
        let path = harness.registryFolder + "/jobs/\(counting)/control.json"
        let file = try JSONSerialization.jsonObject(with: try Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any]
        // The process's own server knows no /jobs/overview.
        let other = try await harness.run(["list", "--server", "http://127.0.0.1:\(try #require(file?["port"] as? Int))"])
        #expect(other.code == 4 && other.errors.contains("not as a weir server does"), "\(other.errors)")
        let unreachable = try await harness.run(["list", "--server", "http://127.0.0.1:9"])
        #expect(unreachable.errors.contains("(Connection refused)"), "\(unreachable.errors)")
        #expect(try await harness.run(["top", "--count", "0"]).code == 2)
    }
}

@Suite struct OperationTests {
    private let job = JobID(namespace: "default", jobName: "job")

    private func operation(_ kind: ControlPlane.Operation.Kind) -> ControlPlane.Operation {
        ControlPlane.Operation(id: "a", job: job, kind: kind, begunAtMillis: 0, limitMillis: 100)
    }

    @Test func whoWaitsIsToldThatTheJobHasFailed() {
        for kind in [
            ControlPlane.Operation.Kind.stop(savepoint: false), .savepoint, .checkpoint(fromMillis: 0), .relaunch(from: nil),
        ] {
            var operation = operation(kind)
            operation.update(.ended(.failed(reason: "bad")), nil, atMillis: 1)
            #expect(operation.status == .failed(reason: "bad") && operation.cause == .jobFailed, "\(kind)")
        }
        for kind in [ControlPlane.Operation.Kind.savepoint, .checkpoint(fromMillis: 0), .relaunch(from: nil)] {
            var operation = operation(kind)
            operation.update(.ended(.finished), nil, atMillis: 1)
            #expect(operation.status == .failed(reason: "the job has ended") && operation.cause == .failed, "\(kind)")
        }
    }

    @Test func aRelaunchIsDoneWhenTheNextProcessServesAndItsSavepointIsWritten() throws {
        let process = try #require(ProcessIdentity.current)
        var plain = operation(.relaunch(from: nil))
        plain.update(.starting(process), nil, atMillis: 1)
        #expect(plain.status == .inProgress)
        plain.update(.running(process), nil, atMillis: 1)
        #expect(plain.status == .completed(location: nil, checkpoint: nil))
        var former = operation(.relaunch(from: process))
        former.update(.running(process), nil, atMillis: 1)
        #expect(former.status == .inProgress)
        var kept = operation(.relaunch(from: nil, savepoint: true))
        kept.update(.running(process), nil, atMillis: 1)
        #expect(kept.status == .inProgress, "its answer is on the way")
        kept.written = "/s"
        kept.update(.running(process), nil, atMillis: 1)
        #expect(kept.status == .completed(location: "/s", checkpoint: nil))
    }

    @Test func whatTakesTooLongIsLate() {
        var operation = operation(.stop(savepoint: true))
        operation.update(.ended(.finished), nil, atMillis: 100)
        #expect(operation.status == .inProgress, "its answer is on the way")
        operation.update(.ended(.finished), nil, atMillis: 101)
        #expect(operation.cause == .late)
    }
}

@Suite struct ProcessFailureTests {
    private func makeRecord() -> JobRecord {
        JobRecord(
            id: JobID(namespace: "default", jobName: "job"),
            submission: Submission(name: "job", executable: "/bin/true", workingDirectory: "/"), state: .launching,
            createdAtMillis: 0, controlToken: "t")
    }

    @Test func aProcessThatDiedIsInTheExceptionHistoryAlsoWhenTheNextOneRuns() throws {
        var record = makeRecord()
        let process = try #require(ProcessIdentity.current)
        record.note(.running(process), after: .starting(process), atMillis: 1)
        for number in 1...40 {
            record.note(.waiting(untilMillis: 9, reason: "signal \(number)"), after: .running(process), atMillis: Int64(number))
            record.note(.launching, after: .waiting(untilMillis: 9, reason: "signal \(number)"), atMillis: Int64(number))
        }
        #expect(record.failures.count == FailureHistory.recordsKept && record.failures.first?.message == "signal 9")
        let read = try JSONDecoder().decode(JobRecord.self, from: try JSONEncoder().encode(record))
        #expect(read.failures == record.failures)
        let text = String(decoding: try JobViews.exceptions(JobView(record: read), events: []).bytes(), as: UTF8.self)
        #expect(text.contains(#""root-exception":"ProcessDied: signal 40""#), "\(text)")
        #expect(text.contains("signal 21") && !text.contains("signal 20"), "the newest twenty")
        // Of failures with some label there are none.
        let labelled = try JobViews.exceptions(JobView(record: read), events: [], labelled: true).bytes()
        #expect(
            String(decoding: labelled, as: UTF8.self).contains(#""exceptionHistory":{"entries":[],"truncated":false}"#))
    }

    @Test func aLaunchThatWasAskedForAndHadNoProcessIsNone() {
        var record = makeRecord()
        record.note(.waiting(untilMillis: 9, reason: "the supervisor ended"), after: .launching, atMillis: 1)
        #expect(record.failures.isEmpty)
    }
}
