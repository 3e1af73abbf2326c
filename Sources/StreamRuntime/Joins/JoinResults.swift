/// What a join makes of records that have found a partner, and of those that have not. A side without a closure of its
/// own keeps nothing that is unmatched.
public struct JoinResults<First, Second, Output>: Sendable {
    @usableFromInline let matched: @Sendable (First, Second) throws -> Output
    @usableFromInline let unmatchedFirst: (@Sendable (First) throws -> Output)?
    @usableFromInline let unmatchedSecond: (@Sendable (Second) throws -> Output)?

    @inlinable init(
        matched: @escaping @Sendable (First, Second) throws -> Output,
        unmatchedFirst: (@Sendable (First) throws -> Output)? = nil,
        unmatchedSecond: (@Sendable (Second) throws -> Output)? = nil
    ) {
        self.matched = matched
        self.unmatchedFirst = unmatchedFirst
        self.unmatchedSecond = unmatchedSecond
    }

    @inlinable static func inner(_ combine: @escaping @Sendable (First, Second) throws -> Output) -> Self {
        Self(matched: combine)
    }

    @inlinable static func left(_ combine: @escaping @Sendable (First, Second?) throws -> Output) -> Self {
        Self(matched: { try combine($0, $1) }, unmatchedFirst: { try combine($0, nil) })
    }

    @inlinable static func right(_ combine: @escaping @Sendable (First?, Second) throws -> Output) -> Self {
        Self(matched: { try combine($0, $1) }, unmatchedSecond: { try combine(nil, $0) })
    }

    @inlinable static func full(_ combine: @escaping @Sendable (First?, Second?) throws -> Output) -> Self {
        Self(
            matched: { try combine($0, $1) }, unmatchedFirst: { try combine($0, nil) },
            unmatchedSecond: { try combine(nil, $0) })
    }
}

/// Where the late records of one input of a join go: counted, and put out beside when somebody asked for them.
@usableFromInline struct LateRecords<Element> {
    @usableFromInline let emitter: SideEmitter<Element>?
    @usableFromInline let counter: MetricRegistry.Cell

    @usableFromInline init(_ context: OperatorContext, _ output: SideOutput<Element>?) {
        emitter = output.map { context.emitter($0) }
        counter = context.metrics.counter(
            .joinLateRecords, labels: ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)])
    }

    @inlinable func take(_ record: Element) {
        counter.add()
        emitter?.emit(record)
    }
}

extension KeyedStream {
    /// Puts this stream beside another one with the same kind of key, to join their records.
    ///
    ///     orders.keyed(by: \.id).joined(with: shipments.keyed(by: \.order))
    ///         .intervalJoin(between: .zero, and: .hours(4))
    ///         .left { order, shipment in Fulfilment(order, shipment) }
    @inlinable public func joined<Other: Chain>(with other: KeyedStream<Other, Key>) -> KeyedPair<Up, Other, Key> {
        connected(other)
    }
}
