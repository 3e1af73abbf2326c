import StreamRuntime

/// One or more operators behind one input that the test feeds: record by record, watermark by watermark.
///
///     let harness = try OperatorHarness(parallelism: 2) { (orders: HarnessStream<Order>) in
///         orders.keyed(by: \.user).process { try CountPerUser($0) }
///     }
///     try harness.push(order, at: 1_000)
///     try harness.watermark(2_000)
///     #expect(harness.takeElements() == [Tally(user: "ann", orders: 1)])
///
/// Each call works off everything it causes before it returns. What an operator throws is thrown by the call; the harness
/// is of no further use then.
public final class OperatorHarness<Input: Sendable, Output>: Harness<Output> {
    private let source: TestSource<HarnessItem<Input>>

    /// `collecting`: side outputs of the last operator that the test wants to see. `restoring`: the snapshot the operators go
    /// on from; they must be the same, with the same ids.
    public init<C: Chain<Output>, each Side>(
        parallelism: Int = 1, backend: any StateBackend = HeapBackend(), seed: UInt64? = nil,
        restoring snapshot: HarnessSnapshot? = nil, collecting sides: repeat SideOutput<each Side>,
        of build: (HarnessStream<Input>) throws -> Stream<C>
    ) throws {
        let source = TestSource<HarnessItem<Input>>()
        let ends = HarnessEnds<Output>()
        let test = try JobTest(
            jobName: "harness",
            setup: TestSetup(parallelism: parallelism, backend: backend, seed: seed).reading(snapshot),
            folder: snapshot.map { try TestFolder(copyOf: $0.folder) } ?? TestFolder()
        ) { flow in ends.close(try build(flow.harnessInput(source, id: "input")), repeat each sides) }
        self.source = source
        super.init(test: test, recording: ends.recording, sides: ends.sides)
    }

    /// A record with its event time, in milliseconds since 1970-01-01 UTC.
    public func push(_ record: Input, at millis: Int64 = .min) throws { try push(.record(record, millis: millis)) }

    /// Records of one event time, worked off together: cheaper than one by one.
    public func push(contentsOf records: some Sequence<Input>, at millis: Int64 = .min) throws {
        source.push(contentsOf: records.map { .record($0, millis: millis) })
        try test.run()
    }

    /// No record at or before this event time is expected any more.
    public func watermark(_ millis: Int64) throws { try push(.watermark(millis)) }

    /// The input holds event time back no longer, until its next watermark.
    public func idle() throws { try push(.idle) }

    private func push(_ item: HarnessItem<Input>) throws {
        source.push(item)
        try test.run()
    }
}
