import StreamRuntime

/// What `OperatorHarness` and `PairHarness` have in common: outputs, time, snapshots. Used by one thread.
public class Harness<Output> {
    let test: JobTest
    private let recording: Recording<Output>
    private let sides: [any SideRecording]

    init(test: JobTest, recording: Recording<Output>, sides: [any SideRecording]) {
        self.test = test
        self.recording = recording
        self.sides = sides
    }

    // MARK: Time

    /// Lets processing time pass, moment by moment: each timer fires at its time.
    public final func advance(by duration: Duration) throws { try test.advance(by: duration) }

    /// Processing time, in milliseconds; 0 at first.
    public final var processingTimeMillis: Int64 { test.clock.wallMillis() }

    /// Waits, in real time, until every request of asynchronous operators is answered, and works off the answers.
    nonisolated(nonsending) public final func settle() async throws { try await test.settle() }

    // MARK: Results

    /// Everything emitted and not yet taken, in order; between subtasks in the order of their turns.
    public final var output: [Emitted<Output>] { recording.emitted }

    /// The same without event time.
    public final var elements: [Output] { recording.emitted.map(\.element) }

    /// `output`, which is empty afterwards.
    public final func takeOutput() -> [Emitted<Output>] { recording.takeAll() }

    /// `elements`, which are empty afterwards.
    public final func takeElements() -> [Output] { recording.takeAll().map(\.element) }

    /// The least watermark that a subtask has handed on last; `Int64.min` before the first.
    public final var outputWatermark: Int64 { recording.watermarks.values.min() ?? .min }

    /// Everything put out beside so far. The harness must have been made to collect `output`.
    public final func sideOutput<Side>(_ output: SideOutput<Side>) throws -> [Emitted<Side>] {
        for case let side as TypedSideRecording<Side> in sides where side.name == output.name {
            return side.recording.emitted
        }
        throw JobTestError("side output '\(output.name)' is not collected: name it in `collecting:`")
    }

    // MARK: Snapshots

    /// A checkpoint of the operators, taken and written as in a running job. Any number of harnesses can be restored from it,
    /// at any parallelism.
    public final func snapshot() throws -> HarnessSnapshot {
        try test.checkpoint()
        return HarnessSnapshot(folder: try TestFolder(copyOf: test.folder), job: test.job, backend: test.backend)
    }

    /// What the operator `id` keeps now, of all subtasks: takes a checkpoint and reads it. The ids of operators that were not
    /// given one are those of the kind: `process`, `fold`.
    ///
    ///     let counts = try harness.state(of: "process").entries(of: "count", String.self, Int.self)
    public final func state(of id: OperatorID) throws -> StateView {
        try test.checkpoint()
        return try test.state(of: id)
    }

    /// Ends the inputs: event time comes to its end, and what is in flight is worked off. See `JobTest.finish`.
    public final func finish() throws { try test.finish() }
    nonisolated(nonsending) public final func finish() async throws { try await test.finish() }

    public final var metrics: MetricRegistry { test.metrics }
    /// The outside systems the operator says it waits for.
    public final var pauseReasons: [String] { test.pauseReasons }
}

/// What the operators of a harness held at a barrier.
public struct HarnessSnapshot: Sendable {
    let folder: TestFolder
    let job: JobID
    let backend: any StateBackend

    /// The keyed state of the operator `id`, of all subtasks.
    public func state(of id: OperatorID) throws -> StateView {
        try folder.state(of: id, job: job, backends: [backend])
    }
}

extension TestSetup {
    /// Reads what `snapshot` was written by.
    func reading(_ snapshot: HarnessSnapshot?) -> TestSetup {
        var setup = self
        if let snapshot { setup.readableBackends.append(snapshot.backend) }
        return setup
    }
}
