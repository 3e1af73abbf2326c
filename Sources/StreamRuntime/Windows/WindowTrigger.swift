/// When a window gives its results.
///
///     .atEnd                                              // once, as the watermark passes its end (the default)
///     .atEnd.early(every: .seconds(5)).early(count: 1000) // before that, whichever comes first
///     .atEnd.late(count: 10).discarding
///
/// Every record that a window takes is part of at least one result, whatever the trigger: what no count has fired goes
/// into the result at the end, and what came late into a last one as the allowed lateness ends. docs/windows.md has the
/// whole table.
public struct WindowTrigger: Sendable, Equatable {
    @usableFromInline var earlyMillis: Int64?
    @usableFromInline var earlyCount = Int.max
    @usableFromInline var lateCount = 1
    @usableFromInline var isDiscarding = false

    /// At the end of the window, and again for each late record while lateness is allowed; results accumulate.
    public static var atEnd: Self { Self() }

    private init() {}

    @inlinable var hasEarly: Bool { earlyMillis != nil || earlyCount != .max }

    /// Fires before the end of the window, `period` of processing time after the first record not yet in a result.
    public func early(every period: Duration) -> Self { changed { $0.earlyMillis = period.wholeMillis } }

    /// Fires before the end once `count` records are not yet in a result.
    public func early(count: Int) -> Self { changed { $0.earlyCount = count } }

    /// After the end, fires once `count` late records are not yet in a result; 1 unless set.
    public func late(count: Int) -> Self { changed { $0.lateCount = count } }

    /// Each result covers only what came since the one before.
    public var discarding: Self { changed { $0.isDiscarding = true } }

    /// Each result covers all of the window's records so far: the default.
    public var accumulating: Self { changed { $0.isDiscarding = false } }

    private func changed(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}

/// How far one window has come in giving results. Pure: it decides, the operator acts.
///
/// T1. A result is given only when it has something new, except at the end: there an accumulating window gives one in
///     any case, so that whoever reads results learns that it is the one at the end.
/// T2. A discarding window gives each record in exactly one result.
/// T3. At most one early timer is armed, and only while a record waits for it.
@usableFromInline package struct TriggerState: Equatable, Sendable {
    @usableFromInline package enum Decision: Equatable, Sendable {
        case nothing
        case fire
        /// Register a processing-time timer, and say so with `arm`.
        case arm
    }

    /// Records that are in no result yet.
    @usableFromInline package var unfired = 0
    /// Results given.
    @usableFromInline package var panes = 0
    /// When the early timer comes due (processing time).
    @usableFromInline package var armedMillis: Int64?

    @inlinable package init() {}

    /// No record has been added.
    @inlinable package var isNew: Bool { unfired == 0 && panes == 0 }

    /// One more record. `isClosed`: the watermark has passed the window's end.
    @inlinable package mutating func add(_ trigger: WindowTrigger, isClosed: Bool) -> Decision {
        unfired &+= 1
        if isClosed { return unfired >= trigger.lateCount ? .fire : .nothing }
        guard trigger.hasEarly else { return .nothing }
        if unfired >= trigger.earlyCount { return .fire }
        return trigger.earlyMillis != nil && armedMillis == nil ? .arm : .nothing
    }

    @inlinable package mutating func arm(at millis: Int64) { armedMillis = millis }

    /// The early timer of `millis` has come due: true when that makes a result.
    @inlinable package mutating func earlyTimer(at millis: Int64) -> Bool {
        guard armedMillis == millis else { return false }
        armedMillis = nil
        return unfired > 0
    }

    /// The watermark passes the end of the window: true when that makes a result.
    @inlinable package func firesAtEnd(_ trigger: WindowTrigger) -> Bool { unfired > 0 || (panes > 0 && !trigger.isDiscarding) }

    /// The allowed lateness ends: true when that makes a result.
    @inlinable package var firesAtCleanup: Bool { unfired > 0 }

    /// A result is given; its index.
    @inlinable package mutating func fire() -> Int {
        defer { panes &+= 1 }
        unfired = 0
        return panes
    }

    /// Nothing waits for the early timer any more: its time, should one be armed.
    @inlinable package mutating func disarm() -> Int64? {
        defer { armedMillis = nil }
        return armedMillis
    }

    /// Two sessions have become one: it has what is unfired in both, goes on counting where the further one was, and keeps
    /// the earlier timer. Returns the timer that is not needed any more.
    @inlinable package mutating func merge(_ other: TriggerState) -> Int64? {
        unfired += other.unfired
        panes = max(panes, other.panes)
        guard let theirs = other.armedMillis else { return nil }
        guard let ours = armedMillis else {
            armedMillis = theirs
            return nil
        }
        armedMillis = min(ours, theirs)
        return ours == theirs ? nil : max(ours, theirs)
    }
}

extension TriggerState: StateCodable {
    @usableFromInline package static var stateSchema: String { "trigger1" }

    @inlinable package func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(unfired) << 1 | (armedMillis == nil ? 0 : 1))
        writer.varint(UInt64(panes))
        if let armedMillis { writer.integer(armedMillis) }
    }

    @inlinable package init(from reader: inout ByteReader) throws {
        let head = try reader.varint()
        unfired = Int(head >> 1)
        panes = try reader.count()
        armedMillis = head & 1 == 0 ? nil : try reader.integer()
    }
}
