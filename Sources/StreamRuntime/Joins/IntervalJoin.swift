extension KeyedPair where FirstUp.Element: StateCodable, SecondUp.Element: StateCodable {
    /// Joins each record with those of the second input whose event time lies between `lower` before (or after) its own and
    /// `upper` after (or before) it, both included.
    ///
    ///     orders.keyed(by: \.id).joined(with: shipments.keyed(by: \.order))
    ///         .intervalJoin(between: .seconds(-5), and: .seconds(10))
    ///         .inner { order, shipment in Shipped(order, shipment) }
    ///
    /// Both inputs need event time. See docs/joins.md for what is late and how long records are held.
    @inlinable public func intervalJoin(
        between lower: Duration, and upper: Duration
    ) -> IntervalJoin<FirstUp, SecondUp, Key> {
        IntervalJoin(self, lower: lower.wholeMillis, upper: upper.wholeMillis)
    }
}

/// An interval join whose results are still to be said.
public struct IntervalJoin<FirstUp: Chain, SecondUp: Chain, Key: StreamKey>
where FirstUp.Element: StateCodable, SecondUp.Element: StateCodable {
    public typealias First = FirstUp.Element
    public typealias Second = SecondUp.Element
    public typealias Joined<Output> = Stream<PairHead<KeyedPairProcess<IntervalJoinFunction<Key, First, Second, Output>>>>

    @usableFromInline let pair: KeyedPair<FirstUp, SecondUp, Key>
    @usableFromInline let lower: Int64
    @usableFromInline let upper: Int64
    @usableFromInline var lateFirst: SideOutput<First>?
    @usableFromInline var lateSecond: SideOutput<Second>?

    @inlinable init(_ pair: KeyedPair<FirstUp, SecondUp, Key>, lower: Int64, upper: Int64) {
        self.pair = pair
        self.lower = lower
        self.upper = upper
    }

    /// Where late records go. Without it they are only counted, in `weir_join_late_records_total`.
    public func lateOutputs(first: SideOutput<First>? = nil, second: SideOutput<Second>? = nil) -> Self {
        var changed = self
        changed.lateFirst = first
        changed.lateSecond = second
        return changed
    }

    /// A result for each pair. Its event time is the later one of the two.
    @inlinable public func inner<Output>(
        _ combine: @escaping @Sendable (First, Second) throws -> Output
    ) -> Joined<Output> { results(.inner(combine)) }

    /// One for each record of the first input that stays alone, too: once the watermark says that it does, which is also
    /// the result's event time.
    @inlinable public func left<Output>(
        _ combine: @escaping @Sendable (First, Second?) throws -> Output
    ) -> Joined<Output> { results(.left(combine)) }

    /// One for each record of the second input that stays alone, too.
    @inlinable public func right<Output>(
        _ combine: @escaping @Sendable (First?, Second) throws -> Output
    ) -> Joined<Output> { results(.right(combine)) }

    /// One for each record of either input that stays alone, too.
    @inlinable public func full<Output>(
        _ combine: @escaping @Sendable (First?, Second?) throws -> Output
    ) -> Joined<Output> { results(.full(combine)) }

    @inlinable func results<Output>(_ results: JoinResults<First, Second, Output>) -> Joined<Output> {
        let (firstKey, secondKey) = (pair.first.key, pair.second.key)
        let (lower, upper, lateFirst, lateSecond) = (lower, upper, lateFirst, lateSecond)
        return pair.pair("interval-join", [.stateful, .needsTime]) {
            try KeyedPairProcess(context: $0, firstKey: firstKey, secondKey: secondKey) {
                try IntervalJoinFunction($0, lower, upper, results, lateFirst, lateSecond)
            }
        }
    }
}

/// Runs an interval join.
///
/// J1. Two records are joined when second.time lies in first.time + lower ... first.time + upper, by the one of them that
///     arrives later: once.
/// J2. A record that comes at or after its watermark is late and takes no part; so what is held is held only until the
///     watermark has passed the last time at which a partner could come.
/// J3. A record that stays alone is put out once, when that point is reached. No result is late for what follows.
/// J4. State is of the bounds, from which buckets and timers follow: a checkpoint of other bounds is refused. So is one of a
///     join that did not note of a side which of its records had found a partner, where this one must know.
public struct IntervalJoinFunction<Key: StreamKey, First: StateCodable, Second: StateCodable, Output>: KeyedPairFunction {
    /// Where a record's partners lie in the second input, and in the first.
    @usableFromInline let fromSecond: Reach
    @usableFromInline let fromFirst: Reach
    @usableFromInline let results: JoinResults<First, Second, Output>
    @usableFromInline let first: IntervalSide<Key, First>
    @usableFromInline let second: IntervalSide<Key, Second>
    @usableFromInline let lateFirst: LateRecords<First>
    @usableFromInline let lateSecond: LateRecords<Second>

    @inlinable init(
        _ state: KeyedStateContext<Key>, _ lower: Int64, _ upper: Int64, _ results: JoinResults<First, Second, Output>,
        _ lateFirst: SideOutput<First>?, _ lateSecond: SideOutput<Second>?
    ) throws {
        guard lower <= upper else {
            throw GraphError(
                "operator '\(state.operatorContext.operatorID)' joins between \(lower) ms and \(upper) ms: the lower bound comes first"
            )
        }
        try IntervalBounds.keep(
            lower, upper, keepsFirst: results.unmatchedFirst != nil, keepsSecond: results.unmatchedSecond != nil,
            state.operatorContext)
        fromSecond = Reach(from: lower, through: upper)
        fromFirst = fromSecond.opposite
        self.results = results
        let span = upper.subtractingSaturating(lower)
        first = try IntervalSide(
            "first", state, span: span, hold: upper, keepsUnmatched: results.unmatchedFirst != nil)
        second = try IntervalSide(
            "second", state, span: span, hold: Int64(0).subtractingSaturating(lower),
            keepsUnmatched: results.unmatchedSecond != nil)
        self.lateFirst = LateRecords(state.operatorContext, lateFirst)
        self.lateSecond = LateRecords(state.operatorContext, lateSecond)
    }

    @inlinable public mutating func processFirst<Out: Collector>(
        _ input: First, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {
        let time = context.timeMillis
        guard time > context.watermarkMillis else { return lateFirst.take(input) }
        var isMatched = false
        try second.match(key, fromSecond.times(around: time)) { partner in
            isMatched = true
            context.core.recordTime.millis = max(time, partner.time)
            try out.collect(try results.matched(input, partner.record))
        }
        context.core.recordTime.millis = time
        let isKept = first.keep(input, at: time, isMatched: isMatched, for: key, context)
        if !isKept, !isMatched, let unmatched = results.unmatchedFirst { try out.collect(try unmatched(input)) }
    }

    @inlinable public mutating func processSecond<Out: Collector>(
        _ input: Second, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {
        let time = context.timeMillis
        guard time > context.watermarkMillis else { return lateSecond.take(input) }
        var isMatched = false
        try first.match(key, fromFirst.times(around: time)) { partner in
            isMatched = true
            context.core.recordTime.millis = max(time, partner.time)
            try out.collect(try results.matched(partner.record, input))
        }
        context.core.recordTime.millis = time
        let isKept = second.keep(input, at: time, isMatched: isMatched, for: key, context)
        if !isKept, !isMatched, let unmatched = results.unmatchedSecond { try out.collect(try unmatched(input)) }
    }

    @inlinable public mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {
        try first.expire(key, at: millis) { alone in
            guard let unmatched = results.unmatchedFirst else { return }
            context.core.recordTime.millis = max(alone.time, millis)
            try out.collect(try unmatched(alone.record))
        }
        try second.expire(key, at: millis) { alone in
            guard let unmatched = results.unmatchedSecond else { return }
            context.core.recordTime.millis = max(alone.time, millis)
            try out.collect(try unmatched(alone.record))
        }
    }
}

/// The bounds of an interval join, and which of its sides are outer, as a part of its checkpoints.
@usableFromInline enum IntervalBounds {
    private static let listName = "interval-bounds"

    /// Throws a `RecoveryRefusal` when the state to go on from is of other bounds, or of an inner side that is outer now.
    @usableFromInline static func keep(
        _ lower: Int64, _ upper: Int64, keepsFirst: Bool, keepsSecond: Bool, _ context: OperatorContext
    ) throws {
        let list = try context.listState(listName, Int64.self, redistribution: .union)
        let (stored, now) = (Array(list.elements.prefix(2)), [lower, upper])
        let outer: Int64 = (keepsFirst ? 1 : 0) | (keepsSecond ? 2 : 0)
        // Checkpoints of older builds do not tell.
        let outerBefore = list.elements.count > 2 ? list.elements[2] : outer
        guard stored.isEmpty || outer & ~outerBefore == 0 else {
            let side = keepsFirst && outerBefore & 1 == 0 ? "first" : "second"
            throw RecoveryRefusal(
                "the checkpoint holds state of operator '\(context.operatorID)' for a join without results for records of the "
                    + "\(side) input that stay alone; which of those it holds have found a partner is not in it",
                remedy: "Give the operator another id with .id(\"…\") and start without its state, or keep the kind of join.")
        }
        guard stored.isEmpty || stored == now else {
            func span(_ bounds: [Int64]) -> String { bounds.map { "\($0) ms" }.joined(separator: " and ") }
            throw RecoveryRefusal(
                "the checkpoint holds state of operator '\(context.operatorID)' for a join between \(span(stored)); "
                    + "it now joins between \(span(now))",
                remedy: "Give the operator another id with .id(\"…\") and start without its state, or keep the bounds.")
        }
        list.elements = context.subtask == 0 ? now + [outer] : []
    }
}
