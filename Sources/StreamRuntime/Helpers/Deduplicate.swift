extension Stream {
    /// The first record of each key; others that come less than `lifetime` (processing time) after it are dropped. They do not
    /// prolong it.
    ///
    ///     payments.deduplicated(by: \.id, for: .hours(1))
    ///
    /// Which keys have been seen, and when, is keyed state: part of checkpoints like the positions of the sources. So a restart
    /// neither lets a duplicate through nor drops a first record; as processing time has passed meanwhile, a duplicate at the
    /// very edge of the lifetime may then be judged the other way, in an epoch that was never decided before. Costs one state
    /// entry for each key seen within the lifetime, one access a record.
    @inlinable public func deduplicated<Key: StreamKey>(
        by key: @escaping @Sendable (Element) -> Key, for lifetime: Duration
    ) -> Stream<Stage<InputHead<Element>, KeyedProcess<Deduplicate<Key, Element>>>> {
        keyed(by: key).exchanged().stage("deduplicate", .stateful) {
            try KeyedProcess(context: $0, key: key) { try Deduplicate($0, lifetime) }
        }
    }
}

/// `Stream.deduplicated`.
public struct Deduplicate<Key: StreamKey, Input>: KeyedProcessFunction {
    public typealias Output = Input
    @usableFromInline let seen: ExpiringValueState<Key, Bool>

    @inlinable init(_ state: KeyedStateContext<Key>, _ lifetime: Duration) throws {
        guard lifetime >= .milliseconds(1) else {
            throw GraphError(
                "operator '\(state.operatorContext.operatorID)' is to remember keys for \(lifetime): a millisecond at least")
        }
        seen = try state.value("seen", Bool.self, ttl: StateTTL(lifetime))
    }

    @inlinable @inline(__always)
    public mutating func process<Out: Collector>(
        _ input: Input, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Input {
        guard seen[key] == nil else { return }
        seen[key] = true
        try out.collect(input)
    }
}
