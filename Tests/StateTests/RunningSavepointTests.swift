import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Savepoints of jobs that run on threads, asked for from outside.
@Suite struct RunningSavepointTests {
    /// Emits each number with how often its key was seen.
    struct Counting: StreamJob {
        static let name = "counting"
        let sink: CollectSink<String>
        var count: Int64?
        /// Fails the attempt, once each.
        var pass: @Sendable (Int64) throws -> Void = { _ in }

        func build(_ flow: Flow) {
            let pass = pass
            flow.source(GeneratorSource(count: count, splits: 4, ratePerSecond: 20_000) { $0 })
                .map { number in
                    try pass(number)
                    return number
                }
                .keyed(by: { $0 % 97 }).fold(0) { count, _ in count += 1 }.map { "\($0.key) \($0.value)" }
                .sink(sink)
        }
    }

    private func options(_ folder: TemporaryFolder, parallelism: Int = 2, namespace: String = "default") -> JobOptions {
        var options = JobOptions()
        options.namespace = namespace
        options.parallelism = parallelism
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 10
        options.restart = .exponential(initialMillis: 1, maxMillis: 5)
        return options
    }

    private func start(_ runner: JobRunner) -> Task<Void, any Error> { Task { try await runner.run() } }

    @Test func aSavepointIsOneEpochOfARunningJobThatGoesOn() async throws {
        let folder = TemporaryFolder(inMemory: true)
        let sink = CollectSink<String>()
        let epochs = Mutex<[String: String]>([:])
        let log = RuntimeLog { _, message, fields in
            if message == "savepoint written", let path = fields["path"] { epochs.withLock { $0[path] = fields["epoch"] } }
        }
        let runner = try JobRunner(Counting(sink: sink), options: options(folder), environment: JobEnvironment(log: log))
        let running = start(runner)
        try await eventually("records are decided") { sink.elements.count > 500 }
        let savepoints = folder.path + "/savepoints"
        async let first = runner.savepoint(to: savepoints)
        async let second = runner.savepoint(to: folder.path + "/others")
        let found = [try await first, try await second]
        let decidedThen = sink.elements.count
        for savepoint in found {
            try savepoint.verify()
            let logged = epochs.withLock { $0[savepoint.path] }
            #expect(logged != nil && logged == savepoint.manifest.id?.epoch.description)
        }
        try await eventually("the job goes on") { sink.elements.count > decidedThen + 500 }
        runner.stop()
        try await running.value

        // Another job begins with it: what it emits from there on, the first one emitted too.
        let copy = CollectSink<String>()
        var options = options(folder, parallelism: 3, namespace: "copy")
        options.startFromSavepoint = found[0].path
        let other = try JobRunner(Counting(sink: copy), options: options, environment: JobEnvironment())
        let copying = start(other)
        try await eventually("the copy emits") { copy.elements.count > 500 }
        other.stop()
        try await copying.value
        let (emitted, copied) = (Set(sink.elements), Set(copy.elements))
        #expect(emitted.count == sink.elements.count && copied.count == copy.elements.count, "each once")
        #expect(!copied.contains("0 1"), "the copy counts on")
        #expect(!emitted.isDisjoint(with: copied))
    }

    @Test func theHistoryTellsSavepointsAndWhichCheckpointsAreGone() async throws {
        let folder = TemporaryFolder(inMemory: true)
        var options = options(folder)
        options.checkpointIntervalMillis = 3_600_000
        options.retainedCheckpoints = 2
        let runner = try JobRunner(Counting(sink: CollectSink()), options: options, environment: JobEnvironment())
        let running = start(runner)
        try await eventually("it runs") { runner.status == .running }
        let savepoint = try await runner.savepoint(to: folder.path + "/savepoints")
        try await eventually("its checkpoint is discarded") {
            runner.requestCheckpoint()
            return runner.checkpoints.records.first?.isDiscarded == true
        }
        runner.stop()
        try await running.value

        let reading = runner.checkpoints
        let first = try #require(reading.records.first)
        #expect(first.savepointPath == URL(fileURLWithPath: savepoint.path).standardizedFileURL.path)
        #expect(reading.lastSavepoint?.epoch == first.epoch && reading.lastSavepoint?.status == .completed)
        #expect(reading.records.dropFirst().allSatisfy { $0.savepointPath == nil })
        for record in reading.records {
            let isThere = FileManager.default.fileExists(atPath: try #require(record.path))
            #expect(isThere == (record.isDiscarded != true), "checkpoint \(record.epoch)")
        }
        #expect(reading.records.last?.isDiscarded == nil)
    }

    @Test(arguments: [true, false]) func aStopWithASavepointIsGoneOnFromWithoutReplay(_ drain: Bool) async throws {
        let folder = TemporaryFolder(inMemory: true)
        let sink = CollectSink<String>()
        var options = options(folder)
        var paths: [String] = []
        for (leg, parallelism) in [2, 3, 1].enumerated() {
            options.parallelism = parallelism
            let runner = try JobRunner(Counting(sink: sink), options: options, environment: JobEnvironment())
            let running = start(runner)
            let before = sink.elements.count
            try await eventually("leg \(leg) emits") { sink.elements.count > before + 500 }
            let savepoint = try await runner.stop(drain: drain, savepointFolder: folder.path + "/savepoints")
            try await running.value
            #expect(runner.status == .finished)
            options.startFromSavepoint = savepoint.path
            paths.append(savepoint.path)
        }
        #expect(Set(sink.elements).count == sink.elements.count, "nothing was counted twice or anew")
        // The first one is two starts ago: what followed would be emitted again.
        options.startFromSavepoint = paths[0]
        let replaying = try JobRunner(Counting(sink: sink), options: options, environment: JobEnvironment())
        await #expect { try await replaying.run() } throws: { "\($0)".contains("--accept-replay") }
    }

    /// Failures after the start do not begin with the savepoint again.
    @Test func restartsGoOnFromWhatWasDecidedSince() async throws {
        struct Crash: Error {}
        let folder = TemporaryFolder(inMemory: true)
        let source = CollectSink<String>()
        let first = try JobRunner(Counting(sink: source), options: options(folder), environment: JobEnvironment())
        let running = start(first)
        try await eventually("records are decided") { source.elements.count > 500 }
        let savepoint = try await first.stop(savepointFolder: folder.path + "/savepoints")
        try await running.value

        let sink = CollectSink<String>()
        let crashes = Mutex(3)
        var options = options(folder)
        options.startFromSavepoint = savepoint.path
        let job = Counting(sink: sink) { number in
            // One subtask reads the even numbers: one failure an attempt.
            guard number % 2 == 0, sink.elements.count > 300 * (4 - crashes.withLock { $0 }) else { return }
            if crashes.withLock({ left in
                left -= 1
                return left >= 0
            }) {
                throw Crash()
            }
        }
        let runner = try JobRunner(job, options: options, environment: JobEnvironment())
        let second = start(runner)
        try await eventually("it emits after three crashes") { crashes.withLock { $0 <= 0 } && sink.elements.count > 2000 }
        runner.stop()
        try await second.value
        #expect(runner.metrics.value("weir_job_restarts_total") == 3)
        let all = source.elements + sink.elements
        #expect(Set(all).count == all.count)
    }

    @Test func aCancelAnswersWhoeverWaitsForASavepoint() async throws {
        let folder = TemporaryFolder(inMemory: true)
        let isHeld = Atomic<Bool>(false)
        let seen = Atomic<Int>(0)
        let held = Atomic<Int>(0)
        let job = Counting(sink: CollectSink()) { _ in
            seen.add(1, ordering: .relaxed)
            if isHeld.load(ordering: .acquiring) { held.add(1, ordering: .relaxed) }
            while isHeld.load(ordering: .acquiring) { usleep(1000) }
        }
        var options = options(folder)
        options.checkpointIntervalMillis = 3_600_000
        let runner = try JobRunner(job, options: options, environment: JobEnvironment())
        let running = start(runner)
        try await eventually("it reads") { seen.load(ordering: .relaxed) > 500 }
        isHeld.store(true, ordering: .releasing)
        try await eventually("a record stands still") { held.load(ordering: .relaxed) > 0 }
        let asked = Task { try await runner.savepoint(to: folder.path + "/savepoints") }
        // No other epoch is begun in an hour, and none is decided while the record stands still.
        try await eventually("its epoch is open") { runner.checkpoints.records.last?.status == .inProgress }
        runner.cancel()
        isHeld.store(false, ordering: .releasing)
        await #expect { _ = try await asked.value } throws: { "\($0)".contains("cancelled") }
        try await running.value
        #expect(runner.status == .cancelled)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/savepoints"))
    }

    /// S4 of `FileCheckpointStore`: a manifest that is there names no file that is not.
    @Test func checkpointsStayWholeWhenAJobDropsTheirOperators() async throws {
        struct Lesser: StreamJob {
            static let name = Counting.name
            let sink: CollectSink<String>
            func build(_ flow: Flow) {
                flow.source(GeneratorSource(count: nil, splits: 4, ratePerSecond: 20_000) { "\($0)" }).sink(sink)
            }
        }
        let folder = TemporaryFolder(inMemory: true)
        var options = options(folder)
        let sink = CollectSink<String>()
        let first = try JobRunner(Counting(sink: sink), options: options, environment: JobEnvironment())
        let running = start(first)
        try await eventually("records are decided") { sink.elements.count > 500 }
        first.stop()
        try await running.value

        options.dropsUnknownState = true
        options.checkpointIntervalMillis = 3_600_000
        let lesser = try JobRunner(Lesser(sink: sink), options: options, environment: JobEnvironment())
        let rest = start(lesser)
        try await eventually("it runs") { lesser.status == .running }
        lesser.stop()
        try await rest.value
        let store = try FileCheckpointStore(root: options.checkpointRoot, job: first.job)
        let manifests = try store.manifestNames().map { try store.manifest(named: $0).manifest }
        #expect(manifests.count >= 2 && manifests[manifests.count - 2].operators.contains { !$0.state.isEmpty })
        for manifest in manifests { try store.verify(manifest) }
    }

    @Test func aJobThatDoesNotRunSaysSo() async throws {
        let folder = TemporaryFolder(inMemory: true)
        let runner = try JobRunner(
            Counting(sink: CollectSink(), count: 10), options: options(folder), environment: JobEnvironment())
        await #expect(throws: SavepointError.self) { try await runner.savepoint(to: folder.path) }
        await #expect(throws: SavepointError.self) { try await runner.stop(savepointFolder: folder.path) }
        #expect(runner.status == .created, "it was not stopped")
        try await runner.run()
        await #expect(throws: SavepointError.self) { try await runner.savepoint(to: folder.path) }
    }
}
