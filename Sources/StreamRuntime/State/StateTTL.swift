/// How long a value is kept in state after its last write (or its last use).
///
///     seen = try state.value("seen", Bool.self, ttl: StateTTL(.seconds(3600)))
///
/// - A value whose time is over is never returned, whether or not it was cleaned away already. It is gone for good:
///   setting the clock back does not bring it back for certain.
/// - Time is processing time, to the millisecond, as of the beginning of the task's current step (a batch of records, a
///   tick): all records of a batch see the same time, and it costs nothing per record.
/// - Stored is the time of the last write or use, not the deadline: another lifetime counts for old values too.
/// - The lifetime of a list or map is that of the whole; any change of it counts as a write.
/// - With and without TTL are different encodings: adding or dropping it under the same name is refused on restore.
///
/// Over values are cleaned away a few at a time: when they are met, by a sweep that passes all entries in memory twice
/// per lifetime, and, with RocksDB, when files are compacted.
public struct StateTTL: Sendable, Hashable {
    public enum Refresh: Sendable {
        /// A value lives as long after it was written last.
        case onWrite
        /// Reading renews it too, which makes a read a change that the next checkpoint stores.
        case onReadAndWrite
    }

    public let lifetime: Duration
    public let refresh: Refresh

    /// `lifetime`: at least a millisecond; a state that is declared with less fails the job's start.
    public init(_ lifetime: Duration, refresh: Refresh = .onWrite) {
        self.lifetime = lifetime
        self.refresh = refresh
    }
}

/// Processing time as states with a TTL see it: the task reads the clock once a step, and only when it has such a state.
/// Owned by the task thread.
@usableFromInline package final class CoarseTime {
    /// Behind a pointer: a class property would cost an exclusivity check per access.
    @usableFromInline let cell: UnsafeMutablePointer<Int64>
    private var clock: (any RuntimeClock)?

    package init() {
        cell = .allocate(capacity: 1)
        cell.initialize(to: 0)
    }

    deinit { cell.deallocate() }

    @inlinable var millis: Int64 { cell.pointee }

    /// A state wants the time.
    @usableFromInline func start(_ clock: any RuntimeClock) {
        self.clock = clock
        refresh()
    }

    /// At the beginning of each step.
    package func refresh() { if let clock { cell.pointee = clock.wallMillis() } }
}

/// A value and when it was written or used last, in milliseconds of processing time.
public struct Timed<Value: StateCodable>: StateCodable {
    @usableFromInline var value: Value  // first: a pointer to the whole is a pointer to it
    @usableFromInline var millis: Int64

    @inlinable init(_ value: Value, millis: Int64) {
        self.value = value
        self.millis = millis
    }

    public static var stateSchema: String { "ttl(\(Value.stateSchema))" }

    /// The time comes first, where a compaction filter finds it.
    @inlinable public func encode(into writer: inout ByteWriter) {
        writer.integer(millis)
        value.encode(into: &writer)
    }

    @inlinable public init(from reader: inout ByteReader) throws {
        millis = try reader.integer()
        value = try Value(from: &reader)
    }
}

/// The stored form of `Timed` values, for stores that clean up by themselves.
@usableFromInline package enum TimedValue {
    /// True when `stored` was last written or used `lifetimeMillis` ago or earlier.
    package static func isOver(_ stored: UnsafeRawBufferPointer, lifetimeMillis: Int64, nowMillis: Int64) -> Bool {
        guard stored.count >= 8 else { return false }
        let millis = Int64(littleEndian: stored.loadUnaligned(as: Int64.self))
        return isOver(millis, lifetimeMillis: lifetimeMillis, nowMillis: nowMillis)
    }

    @inlinable @inline(__always)
    static func isOver(_ millis: Int64, lifetimeMillis: Int64, nowMillis: Int64) -> Bool {
        nowMillis &- millis >= lifetimeMillis
    }
}
