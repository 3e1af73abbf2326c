extension KeyedPair where FirstUp.Element: StateCodable, SecondUp.Element: StateCodable {
    /// Joins each record of the first input with the version of the second that was valid at the record's event time: the
    /// one of its key with the latest event time that is not after it.
    ///
    ///     orders.keyed(by: \.currency).joined(with: rates.keyed(by: \.currency))
    ///         .temporalJoin(removedWhen: \.isDelisted)
    ///         .left { order, rate in Priced(order, rate) }
    ///
    /// A record of the second input that satisfies `removedWhen` ends the validity of the version before it without being
    /// one itself. Both inputs need event time. The result depends on event times only, not on which input is read faster:
    /// records of the first input wait until the watermark says that their version is known.
    @inlinable public func temporalJoin(
        removedWhen: @escaping @Sendable (SecondUp.Element) -> Bool = { _ in false }
    ) -> TemporalJoin<FirstUp, SecondUp, Key> {
        TemporalJoin(self, removedWhen)
    }
}

/// A temporal join whose results are still to be said.
public struct TemporalJoin<FirstUp: Chain, SecondUp: Chain, Key: StreamKey>
where FirstUp.Element: StateCodable, SecondUp.Element: StateCodable {
    public typealias First = FirstUp.Element
    public typealias Version = SecondUp.Element
    public typealias Joined<Output> = Stream<PairHead<KeyedPairProcess<TemporalJoinFunction<Key, First, Version, Output>>>>

    @usableFromInline let pair: KeyedPair<FirstUp, SecondUp, Key>
    @usableFromInline let isRemoval: @Sendable (Version) -> Bool
    @usableFromInline var late: SideOutput<First>?

    @inlinable init(_ pair: KeyedPair<FirstUp, SecondUp, Key>, _ isRemoval: @escaping @Sendable (Version) -> Bool) {
        self.pair = pair
        self.isRemoval = isRemoval
    }

    /// Where late records of the first input go. Without it they are only counted, in `weir_join_late_records_total`.
    public func lateOutput(_ output: SideOutput<First>) -> Self {
        var changed = self
        changed.late = output
        return changed
    }

    /// A result for each record that has a version. Its event time is the record's.
    @inlinable public func inner<Output>(
        _ combine: @escaping @Sendable (First, Version) throws -> Output
    ) -> Joined<Output> { results(.inner(combine)) }

    /// A result for each record.
    @inlinable public func left<Output>(
        _ combine: @escaping @Sendable (First, Version?) throws -> Output
    ) -> Joined<Output> { results(.left(combine)) }

    @inlinable func results<Output>(_ results: JoinResults<First, Version, Output>) -> Joined<Output> {
        let (firstKey, secondKey, isRemoval, late) = (pair.first.key, pair.second.key, isRemoval, late)
        return pair.pair("temporal-join", [.stateful, .needsTime]) {
            try KeyedPairProcess(context: $0, firstKey: firstKey, secondKey: secondKey) {
                try TemporalJoinFunction($0, results, isRemoval, late)
            }
        }
    }
}

/// Runs a temporal join.
///
/// V1. A record waits until the watermark has reached its time; then every version that is not late is there.
/// V2. The versions of a key are sorted by time, one for each time: the one that came last.
/// V3. Behind the watermark one version of a key is kept: the one that is valid there. None, when that is a removal.
/// V4. A version that comes late counts from there on, unless a later one is valid at the watermark already: what has been
///     joined is not joined again.
public struct TemporalJoinFunction<Key: StreamKey, First: StateCodable, Version: StateCodable, Output>: KeyedPairFunction {
    @usableFromInline let results: JoinResults<First, Version, Output>
    @usableFromInline let isRemoval: @Sendable (Version) -> Bool
    /// By their times.
    @usableFromInline let waiting: ChunkedLists<Key, First>
    /// As a whole: few, by V3 those of one watermark's delay and one more.
    @usableFromInline let versions: StateTable<Key, [VersionEntry<Version>]>
    @usableFromInline let lateFirst: LateRecords<First>
    @usableFromInline let lateVersion: LateRecords<Version>

    @inlinable init(
        _ state: KeyedStateContext<Key>, _ results: JoinResults<First, Version, Output>,
        _ isRemoval: @escaping @Sendable (Version) -> Bool, _ late: SideOutput<First>?
    ) throws {
        self.results = results
        self.isRemoval = isRemoval
        waiting = try ChunkedLists("waiting", state)
        versions = try state.state.table("versions", .list, Key.self, [VersionEntry<Version>].self)
        lateFirst = LateRecords(state.operatorContext, late)
        lateVersion = LateRecords(state.operatorContext, nil)
    }

    @inlinable public mutating func processFirst<Out: Collector>(
        _ input: First, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {
        let time = context.timeMillis
        guard time > context.watermarkMillis else { return lateFirst.take(input) }
        if waiting.append(input, to: key, time) { context.timers.registerEventTime(at: time, for: key) }
    }

    @inlinable public mutating func processSecond<Out: Collector>(
        _ input: Version, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {
        let (time, watermark) = (context.timeMillis, context.watermarkMillis)
        let isLate = time <= watermark
        if isLate, let valid = valid(key, at: watermark), valid.time > time { return lateVersion.take(input) }
        insert(VersionEntry(time, input), key)
        if isLate { prune(key, upTo: watermark) } else { context.timers.registerEventTime(at: time, for: key) }
    }

    @inlinable public mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {
        let version = valid(key, at: millis).flatMap { isRemoval($0.record) ? nil : $0 }
        try waiting.forEach(key, millis) { record in
            if let version {
                try out.collect(try results.matched(record, version.record))
            } else if let unmatched = results.unmatchedFirst {
                try out.collect(try unmatched(record))
            }
        }
        waiting.remove(key, millis)
        prune(key, upTo: millis)
    }

    /// The latest version or removal that is not after `time`.
    @inlinable func valid(_ key: Key, at time: Int64) -> VersionEntry<Version>? {
        versions.get(key)?.last { $0.time <= time }
    }

    @inlinable func insert(_ version: VersionEntry<Version>, _ key: Key) {
        let list = versions.pointer(for: key, initial: { [] })
        let after = list.pointee.lastIndex { $0.time <= version.time }.map { $0 + 1 } ?? 0
        if after > 0, list.pointee[after - 1].time == version.time {
            list.pointee[after - 1] = version
        } else {
            list.pointee.insert(version, at: after)
        }
    }

    /// V3.
    @inlinable func prune(_ key: Key, upTo watermark: Int64) {
        guard let list = versions.get(key), let valid = list.lastIndex(where: { $0.time <= watermark }) else { return }
        let gone = isRemoval(list[valid].record) ? valid + 1 : valid
        if gone == list.count {
            versions.remove(key)
        } else if gone > 0 {
            versions.set(key, Array(list[gone...]))
        }
    }
}

/// A version and the event time from which it is valid.
@usableFromInline struct VersionEntry<Version: StateCodable>: StateCodable {
    @usableFromInline var time: Int64
    @usableFromInline var record: Version

    @inlinable init(_ time: Int64, _ record: Version) {
        self.time = time
        self.record = record
    }

    @usableFromInline static var stateSchema: String { "version1(\(Version.stateSchema))" }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.integer(time)
        record.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        time = try reader.integer()
        record = try Version(from: &reader)
    }
}
