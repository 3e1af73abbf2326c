import StreamRuntime

/// The same as `OperatorHarness` for operators that read two streams.
///
///     let harness = try PairHarness { (orders: HarnessStream<Order>, rules: HarnessStream<Rule>) in
///         orders.keyed(by: \.user).connected(rules.keyed(by: \.user)).process { try ApplyRules($0) }
///     }
///     try harness.pushSecond(rule)
///     try harness.pushFirst(order, at: 1_000)
public final class PairHarness<First: Sendable, Second: Sendable, Output>: Harness<Output> {
    private let first: TestSource<HarnessItem<First>>
    private let second: TestSource<HarnessItem<Second>>

    /// As `OperatorHarness.init`.
    public init<C: Chain<Output>, each Side>(
        parallelism: Int = 1, backend: any StateBackend = HeapBackend(), seed: UInt64? = nil,
        restoring snapshot: HarnessSnapshot? = nil, collecting sides: repeat SideOutput<each Side>,
        of build: (HarnessStream<First>, HarnessStream<Second>) throws -> Stream<C>
    ) throws {
        let (first, second) = (TestSource<HarnessItem<First>>(), TestSource<HarnessItem<Second>>())
        let ends = HarnessEnds<Output>()
        let test = try JobTest(
            jobName: "harness",
            setup: TestSetup(parallelism: parallelism, backend: backend, seed: seed).reading(snapshot),
            folder: snapshot.map { try TestFolder(copyOf: $0.folder) } ?? TestFolder()
        ) { flow in
            ends.close(
                try build(flow.harnessInput(first, id: "first"), flow.harnessInput(second, id: "second")),
                repeat each sides)
        }
        self.first = first
        self.second = second
        super.init(test: test, recording: ends.recording, sides: ends.sides)
    }

    /// Records with their event time, in milliseconds since 1970-01-01 UTC.
    public func pushFirst(_ record: First, at millis: Int64 = .min) throws {
        try push(.record(record, millis: millis), to: first)
    }
    public func pushSecond(_ record: Second, at millis: Int64 = .min) throws {
        try push(.record(record, millis: millis), to: second)
    }

    /// No record at or before this event time is expected any more on one input, or on both.
    public func watermarkFirst(_ millis: Int64) throws { try push(.watermark(millis), to: first) }
    public func watermarkSecond(_ millis: Int64) throws { try push(.watermark(millis), to: second) }
    public func watermark(_ millis: Int64) throws {
        try watermarkFirst(millis)
        try watermarkSecond(millis)
    }

    /// The input holds event time back no longer, until its next watermark.
    public func idleFirst() throws { try push(.idle, to: first) }
    public func idleSecond() throws { try push(.idle, to: second) }

    private func push<Input>(_ item: HarnessItem<Input>, to source: TestSource<HarnessItem<Input>>) throws {
        source.push(item)
        try test.run()
    }
}
