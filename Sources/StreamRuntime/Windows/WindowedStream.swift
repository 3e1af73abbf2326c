/// A keyed stream cut into windows; what is done with each comes last.
///
///     trades.watermarks(.boundedOutOfOrderness(.seconds(5)), at: \.timeMillis)
///         .keyed(by: \.symbol)
///         .window(.tumbling(.minutes(1)))
///         .trigger(.atEnd.early(every: .seconds(5)))
///         .allowedLateness(.minutes(2))
///         .aggregate(Count().and(Sum().over(\.quantity)))
///
/// A window that has no record gives no result. Semantics, defaults and costs: docs/windows.md.
public struct WindowedStream<Up: Chain, Key: StreamKey> {
    public typealias Element = Up.Element
    @usableFromInline let stream: KeyedStream<Up, Key>
    @usableFromInline var settings: WindowSettings
    @usableFromInline var late: SideOutput<Element>?
    @usableFromInline let parallelism: Int?

    @inlinable init(_ stream: KeyedStream<Up, Key>, _ assigner: WindowAssigner, parallelism: Int? = nil) {
        self.stream = stream
        settings = WindowSettings(assigner)
        self.parallelism = parallelism
    }

    // MARK: Options

    /// When windows give their results; at their end unless set.
    public func trigger(_ trigger: WindowTrigger) -> Self { changed { $0.settings.trigger = trigger } }

    /// For how long (of event time) after its end a window still takes records, and gives its results anew; not at all unless
    /// set. Windows are kept as state for that much longer.
    public func allowedLateness(_ lateness: Duration) -> Self {
        changed { $0.settings.latenessMillis = lateness.wholeMillis }
    }

    /// Where records go that come later than that; without it they are dropped. Either way they are counted in
    /// `weir_window_late_records_total`. Read it from the result: `counts.sideOutput(late)`.
    public func lateOutput(_ output: SideOutput<Element>) -> Self {
        changed {
            $0.late = output
            $0.settings.hasLateOutput = true
        }
    }

    private func changed(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }

    // MARK: Results

    /// What `aggregate` comes to over the records of each window. Only its accumulator is kept.
    ///
    /// What Flink calls a window function after an aggregate is a `map` or `flatMap` here: a result says its key, window
    /// and pane, and the two operators are fused.
    @inlinable public func aggregate<A: Aggregate>(
        _ aggregate: A
    ) -> Stream<WindowStage<A, EmitResults<Key, A.Output>>> where A.Input == Element {
        window(aggregate, EmitResults())
    }

    /// The records of each window, combined two by two. Only the combination is kept.
    @inlinable public func reduce(
        _ combine: @escaping @Sendable (Element, Element) -> Element
    ) -> Stream<WindowStage<Reduce<Element>, EmitResults<Key, Element>>> where Element: StateCodable {
        window(Reduce(combine), EmitResults())
    }

    /// Any number of results from all the records of a window, which are its `value`: in the order in which they arrived, or
    /// for overlapping windows and joined sessions piece by piece. Every record is kept as state until its last window is
    /// over; prefer `aggregate` where that is enough.
    @inlinable public func process<Results: Sequence & SendableMetatype>(
        _ body: @escaping @Sendable (WindowResult<Key, [Element]>) throws -> Results
    ) -> Stream<WindowStage<Elements<Element>, EmitProcessed<Key, [Element], Results>>> where Element: StateCodable {
        window(Elements(), EmitProcessed(body))
    }

    @inlinable func window<A: Aggregate, E: WindowEmitter>(_ aggregate: A, _ emitter: E) -> Stream<WindowStage<A, E>>
    where A.Input == Element, E.Key == Key, E.Value == A.Output {
        let exchanged = stream.exchanged()
        let flow = stream.upstream.flow
        let node = flow.add("window", .transform, inputs: [exchanged.node], traits: settings.traits)
        if let problem = settings.problem { flow.refuse(node, problem) }
        let made = Stream(flow, WindowStage(node, settings, late, stream.key, aggregate, emitter), node)
        return parallelism.map { made.parallelism($0) } ?? made
    }
}

extension KeyedStream {
    /// Cuts the stream of each key into windows.
    @inlinable public func window(_ assigner: WindowAssigner) -> WindowedStream<Up, Key> { WindowedStream(self, assigner) }
}

extension Stream {
    /// Cuts the stream as a whole into windows: one subtask does it, whatever the job's parallelism.
    @inlinable public func windowAll(_ assigner: WindowAssigner) -> WindowedStream<C, WholeStream> {
        WindowedStream(keyed { _ in WholeStream() }, assigner, parallelism: 1)
    }
}
