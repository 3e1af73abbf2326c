extension KeyedPair where FirstUp.Element: StateCodable, SecondUp.Element: StateCodable {
    /// Joins the records of both inputs that have the same key and lie in the same window.
    ///
    ///     orders.keyed(by: \.user).joined(with: clicks.keyed(by: \.user))
    ///         .windowJoin(.tumbling(.minutes(1)))
    ///         .coGroup { group in [Activity(group.key, orders: group.value.first.count, clicks: group.value.second.count)] }
    ///
    /// It is a window over both inputs together (a session is one of both), with all that windows have: docs/windows.md. The
    /// records of a window are kept until it is over. Results have the window's last millisecond as their event time.
    @inlinable public func windowJoin(_ assigner: WindowAssigner) -> WindowJoin<FirstUp, SecondUp, Key> {
        let (firstKey, secondKey) = (first.key, second.key)
        let both = first.upstream.map { EitherSide<FirstUp.Element, SecondUp.Element>.first($0) }
            .union(second.upstream.map { EitherSide<FirstUp.Element, SecondUp.Element>.second($0) })
        let keyed = both.keyed { record -> Key in
            switch record {
            case .first(let record): firstKey(record)
            case .second(let record): secondKey(record)
            }
        }
        return WindowJoin(keyed.window(assigner))
    }
}

/// A record of one of two inputs.
public enum EitherSide<First, Second> {
    case first(First)
    case second(Second)
}

extension EitherSide: Sendable where First: Sendable, Second: Sendable {}
extension EitherSide: Equatable where First: Equatable, Second: Equatable {}

/// A window join whose results are still to be said.
public struct WindowJoin<FirstUp: Chain, SecondUp: Chain, Key: StreamKey>
where FirstUp.Element: StateCodable, SecondUp.Element: StateCodable {
    public typealias First = FirstUp.Element
    public typealias Second = SecondUp.Element
    public typealias Either = EitherSide<First, Second>
    public typealias Group = WindowResult<Key, BothSides<First, Second>>
    public typealias Joined<Output> = Stream<WindowStage<GatherSides<First, Second>, EmitJoined<Key, First, Second, Output>>>

    @usableFromInline var windows: WindowedStream<InputHead<Either>, Key>

    @inlinable init(_ windows: WindowedStream<InputHead<Either>, Key>) { self.windows = windows }

    /// For how long after its end a window still takes records; each gives the results of the whole window anew.
    public func allowedLateness(_ lateness: Duration) -> Self {
        var changed = self
        changed.windows = windows.allowedLateness(lateness)
        return changed
    }

    /// Where records go that come later than that. Without it they are only counted, in `weir_window_late_records_total`.
    public func lateOutput(_ output: SideOutput<Either>) -> Self {
        var changed = self
        changed.windows = windows.lateOutput(output)
        return changed
    }

    /// A result for each pair of a window.
    @inlinable public func inner<Output>(
        _ combine: @escaping @Sendable (First, Second) throws -> Output
    ) -> Joined<Output> { results(.inner(combine)) }

    /// One for each first record in a window without second ones, too.
    @inlinable public func left<Output>(
        _ combine: @escaping @Sendable (First, Second?) throws -> Output
    ) -> Joined<Output> { results(.left(combine)) }

    /// One for each second record in a window without first ones, too.
    @inlinable public func right<Output>(
        _ combine: @escaping @Sendable (First?, Second) throws -> Output
    ) -> Joined<Output> { results(.right(combine)) }

    /// One for each record in a window without any of the other input, too.
    @inlinable public func full<Output>(
        _ combine: @escaping @Sendable (First?, Second?) throws -> Output
    ) -> Joined<Output> { results(.full(combine)) }

    /// Any number of results from all the records of a window: its `value`.
    @inlinable public func coGroup<Results: Sequence & SendableMetatype>(
        _ body: @escaping @Sendable (Group) throws -> Results
    ) -> Stream<WindowStage<GatherSides<First, Second>, EmitProcessed<Key, BothSides<First, Second>, Results>>> {
        windows.window(GatherSides(), EmitProcessed(body))
    }

    @inlinable func results<Output>(_ results: JoinResults<First, Second, Output>) -> Joined<Output> {
        windows.window(GatherSides(), EmitJoined(results))
    }
}

/// The records of a window, by input, each in the order in which they were added.
public struct BothSides<First: StateCodable, Second: StateCodable>: StateCodable {
    public var first: [First] = []
    public var second: [Second] = []

    @inlinable init() {}

    public static var stateSchema: String { "sides1(\(First.stateSchema),\(Second.stateSchema))" }

    @inlinable public func encode(into writer: inout ByteWriter) {
        first.encode(into: &writer)
        second.encode(into: &writer)
    }

    @inlinable public init(from reader: inout ByteReader) throws {
        first = try [First](from: &reader)
        second = try [Second](from: &reader)
    }
}

/// Keeps the records of both inputs apart.
public struct GatherSides<First: StateCodable, Second: StateCodable>: Aggregate {
    @inlinable init() {}
    @inlinable public func empty() -> BothSides<First, Second> { BothSides() }
    @inlinable public func add(_ input: EitherSide<First, Second>, to sides: inout BothSides<First, Second>) {
        switch input {
        case .first(let record): sides.first.append(record)
        case .second(let record): sides.second.append(record)
        }
    }
    @inlinable public func merge(_ other: BothSides<First, Second>, into sides: inout BothSides<First, Second>) {
        sides.first += other.first
        sides.second += other.second
    }
    @inlinable public func result(_ sides: BothSides<First, Second>) -> BothSides<First, Second> { sides }
}

/// The pairs of a window, one after the other: none is kept.
public struct EmitJoined<Key, First: StateCodable, Second: StateCodable, Output>: WindowEmitter {
    @usableFromInline let results: JoinResults<First, Second, Output>

    @inlinable init(_ results: JoinResults<First, Second, Output>) { self.results = results }

    @inlinable public func emit<Down: Collector>(
        _ result: WindowResult<Key, BothSides<First, Second>>, into down: inout Down
    ) throws where Down.Element == Output {
        let sides = result.value
        for first in sides.first { for second in sides.second { try down.collect(try results.matched(first, second)) } }
        if sides.second.isEmpty, let unmatched = results.unmatchedFirst {
            for first in sides.first { try down.collect(try unmatched(first)) }
        }
        if sides.first.isEmpty, let unmatched = results.unmatchedSecond {
            for second in sides.second { try down.collect(try unmatched(second)) }
        }
    }
}
