import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing
import WeirKit

@Suite struct JobHostTests {
    /// Set by a test to let a sink acknowledge.
    final class Gate: Sendable {
        private let open: Atomic<Bool>
        init(isOpen: Bool) { open = Atomic(isOpen) }
        var isOpen: Bool { open.load(ordering: .acquiring) }
        func unlock() { open.store(true, ordering: .releasing) }
    }

    struct GatedSink: Sink {
        typealias Element = Int64
        let gate: Gate
        func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(gate: gate) }

        struct Writer: SinkWriter {
            let gate: Gate
            mutating func write(_ element: Int64) {}
            func isAcknowledged(through epoch: Epoch) -> Bool { gate.isOpen }
        }
    }

    struct Endless: StreamJob {
        static let name = "endless"
        let gate: Gate
        func build(_ flow: Flow) { flow.source(GeneratorSource(ratePerSecond: 500) { $0 }).sink(GatedSink(gate: gate)) }
    }

    struct Short: StreamJob {
        static let name = "short"
        func build(_ flow: Flow) { flow.source(CollectionSource([1, 2, 3])).sink(ForEachSink { (_: Int) in }) }
    }

    struct Broken: StreamJob {
        static let name = "broken"
        struct Bad: Error {}
        func build(_ flow: Flow) { flow.source(CollectionSource([1])).sink(ForEachSink { (_: Int) in throw Bad() }) }
    }

    let folder = TemporaryFolder()

    private func runner(
        _ job: some StreamJob, namespace: String = "default", metrics: MetricRegistry = MetricRegistry()
    ) throws -> JobRunner {
        var options = JobOptions()
        options.namespace = namespace
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 50
        options.restart = .none
        return try JobRunner(job, options: options, environment: JobEnvironment(metrics: metrics))
    }

    @Test func jobsRunAndEndByThemselves() async throws {
        let host = JobHost()
        try host.add(try runner(Short()))
        #expect(host.statuses.map(\.status) == ["created"])
        host.start()
        let outcomes = await host.wait()
        #expect(outcomes.map(\.name) == ["short"])
        #expect(outcomes.allSatisfy { $0.error == nil })
        #expect(host.statuses.map(\.status) == ["finished"])
    }

    @Test func aStopGoesStageByStage() async throws {
        let gate = Gate(isOpen: false)
        let host = JobHost()
        try host.add(try runner(Endless(gate: Gate(isOpen: true)), namespace: "reader"), stage: 1)
        try host.add(try runner(Endless(gate: gate), namespace: "writer"), stage: 0)
        host.start()
        try await eventually("both run") { host.statuses.allSatisfy { $0.status == "running" } }
        host.stop()
        try await eventually("the first stage stops") { host.statuses[1].status == "stopping" }
        // Time for the second to stop too soon.
        try await Task.sleep(for: .milliseconds(300))
        #expect(host.statuses.map(\.status) == ["running", "stopping"])
        gate.unlock()
        let outcomes = await host.wait()
        #expect(outcomes.count == 2 && outcomes.allSatisfy { $0.error == nil })
        #expect(host.statuses.map(\.status) == ["finished", "finished"])
    }

    /// What brings work in is closed first, whether the host is stopped or a job fails; the jobs go on until then.
    @Test func theIntakeIsClosedBeforeAnyJobIsStopped() async throws {
        for fails in [false, true] {
            let gate = Gate(isOpen: false)
            let closing = Gate(isOpen: false)
            let host = JobHost(failurePolicy: .stopAll)
            try host.add(try runner(Endless(gate: Gate(isOpen: true)), namespace: "intake-\(fails)"))
            host.closeFirst {
                closing.unlock()
                while !gate.isOpen { try? await Task.sleep(for: .milliseconds(5)) }
            }
            host.start()
            try await eventually("the job runs") { host.statuses[0].status == "running" }
            if fails { try host.add(try runner(Broken(), namespace: "intake-\(fails)")) } else { host.stop() }
            try await eventually("the intake is being closed") { closing.isOpen }
            #expect(host.statuses[0].status == "running")
            gate.unlock()
            let outcomes = await host.wait()
            #expect(outcomes[0].error == nil)
            #expect(host.statuses[0].status == "finished")
        }
    }

    @Test func aFailedJobLeavesTheOthersOrStopsThem() async throws {
        for policy in [JobHost.FailurePolicy.keepOthers, .stopAll] {
            let host = JobHost(failurePolicy: policy)
            try host.add(try runner(Broken(), namespace: "\(policy)"))
            try host.add(try runner(Endless(gate: Gate(isOpen: true)), namespace: "\(policy)"))
            host.start()
            try await eventually("the broken job fails") { host.statuses[0].status == "failed" }
            if policy == .keepOthers {
                try await eventually("the other runs") { host.statuses[1].status == "running" }
                host.stop()
            }
            let outcomes = await host.wait()
            #expect(outcomes[0].error is JobFailure)
            #expect(outcomes[1].error == nil)
        }
    }

    @Test func oneIdRunsOnce() async throws {
        let host = JobHost()
        try host.add(try runner(Endless(gate: Gate(isOpen: true))))
        let id = JobID(namespace: "default", jobName: "endless")
        let error = #expect(throws: JobHostError.self) { try host.add(try runner(Endless(gate: Gate(isOpen: true)))) }
        #expect(error?.description == "job 'endless' (\(id)) runs here already; give the second one another --namespace")
        host.start()
        host.stop()
        _ = await host.wait()
        let late = #expect(throws: JobHostError.self) { try host.add(try runner(Short())) }
        #expect(late?.description == "job 'short' cannot be added: the jobs are being stopped")
    }

    @Test func aJobAddedWhileRunningStartsAtOnce() async throws {
        let host = JobHost()
        try host.add(try runner(Endless(gate: Gate(isOpen: true))))
        host.start()
        try host.add(try runner(Short()))
        try await eventually("the second ends") { host.statuses[1].status == "finished" }
        // It may run again once it has ended: a moment after its status says so.
        try await eventually("it is taken again") { (try? host.add(try runner(Short(), namespace: "default"))) != nil }
        try await eventually("it ends again") { host.statuses[1].status == "finished" }
        host.stop()
        #expect(await host.wait().count == 2)
    }

    @Test func stopBeforeStartEndsAtOnce() async throws {
        let host = JobHost()
        try host.add(try runner(Endless(gate: Gate(isOpen: true))))
        host.stop()
        host.start()
        #expect(await host.wait().count == 1)
    }

    @Test func aHostWithoutJobsIsOverOnceStarted() async {
        let host = JobHost()
        host.start()
        #expect(await host.wait().isEmpty)
    }

    @Test func metricsOfJobsAreToldApart() throws {
        let shared = MetricRegistry()
        let host = JobHost()
        try host.add(try runner(Short(), namespace: "a"))
        try host.add(try runner(Short(), namespace: "b", metrics: shared))
        try host.add(try runner(Short(), namespace: "c", metrics: shared))
        #expect(
            host.registries.map(\.labels) == [
                ["job_name": "short", "job_id": JobID(namespace: "a", jobName: "short").rawValue], [:],
            ])

        let alone = JobHost()
        try alone.add(try runner(Short()))
        #expect(alone.registries.map(\.labels) == [["job_name": "short"]])
        #expect(alone.registries[0].registry.sum("weir_job_status") == 1)
        #expect(alone.registries[0].registry.value("weir_job_status", labels: ["status": "created"]) == 1)
        #expect(alone.registries[0].registry.value("weir_checkpoint_last_completed_timestamp_seconds") == 0)
    }

    @Test func theLockOfAJobIsHeldOnce() throws {
        let id = JobID(namespace: "default", jobName: "j")
        #expect(!JobLock.isHeld(checkpointRoot: folder.path, job: id))
        var first: JobLock? = try JobLock(checkpointRoot: folder.path, job: id, jobName: "j")
        #expect(JobLock.isHeld(checkpointRoot: folder.path, job: id))
        let error = #expect(throws: JobLockError.self) { try JobLock(checkpointRoot: folder.path, job: id, jobName: "j") }
        #expect(
            error?.description
                == "job 'j' (\(id)) runs already on \(folder.path), as process \(getpid()); "
                + "stop that run, or give this one another --namespace or --checkpoint-dir")
        withExtendedLifetime(first) {}
        first = nil
        #expect(!JobLock.isHeld(checkpointRoot: folder.path, job: id))
        _ = try JobLock(checkpointRoot: folder.path, job: id, jobName: "j")
    }

    /// A refused lock once closed its descriptor twice, and with it a file of another thread.
    @Test func aRefusedLockClosesNothingElse() throws {
        let id = JobID(namespace: "default", jobName: "k")
        let root = folder.path
        let held = try JobLock(checkpointRoot: root, job: id, jobName: "k")
        let stolen = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            for _ in 0..<2000 {
                if index == 0 {
                    _ = try? JobLock(checkpointRoot: root, job: id, jobName: "k")
                } else {
                    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    usleep(20)
                    if close(descriptor) != 0 { stolen.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(stolen.load(ordering: .relaxed) == 0)
        withExtendedLifetime(held) {}
    }

    @Test func sharedResourcesAreMadeOnceAndClosedInReverse() async {
        let shared = SharedResources()
        let closed = Mutex<[String]>([])
        func get(_ name: String) -> String {
            shared.resource(named: name, make: { "made \(name)" }, close: { made in closed.withLock { $0.append(made) } })
        }
        #expect(get("a") == "made a")
        #expect(get("b") == "made b")
        #expect(get("a") == "made a")
        await shared.closeAll()
        await shared.closeAll()
        #expect(closed.withLock { $0 } == ["made b", "made a"])
    }
}
