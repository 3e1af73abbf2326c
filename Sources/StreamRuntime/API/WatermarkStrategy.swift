/// How event time is read off a stream: when no record at or before some time is expected any more.
///
///     trades.watermarks(.boundedOutOfOrderness(.seconds(5)).idle(after: .seconds(30)), at: \.timeMillis)
///
/// Each split of the source has a generator of its own; the subtask's watermark is the least of them. A record at or
/// before the watermark is *late*; it goes on all the same, and windows decide about it.
public struct WatermarkStrategy<Generator: WatermarkGenerator>: Sendable {
    @usableFromInline let make: @Sendable () -> Generator
    @usableFromInline var options = WatermarkOptions()

    /// A generator of your own, one for each split.
    @inlinable public static func custom(_ make: @escaping @Sendable () -> Generator) -> Self { Self(make: make) }

    @usableFromInline init(make: @escaping @Sendable () -> Generator) { self.make = make }

    /// A split that brings no record for this long (processing time) holds event time back no longer, until its next
    /// record. Records it brings then may be late. Without this, one silent split stops event time.
    public func idle(after timeout: Duration) -> Self {
        var changed = self
        changed.options.idleAfterMillis = max(1, timeout.wholeMillis)
        return changed
    }

    /// Splits whose watermark is more than `drift` ahead of the slowest of `group` are not read until the others have caught
    /// up: what is buffered for windows and joins stays small. All sources of one job that name the group are compared.
    public func aligned(_ group: String = "default", drift: Duration) -> Self {
        var changed = self
        changed.options.alignment = WatermarkOptions.Alignment(group: group, driftMillis: max(0, drift.wholeMillis))
        return changed
    }

    /// Emits a watermark after each record that makes it rise, instead of every few milliseconds: results then depend on the
    /// input's order only. Costly (every watermark ends a batch); for tests and small streams.
    public func everyRecord() -> Self {
        var changed = self
        changed.options.isEveryRecord = true
        return changed
    }
}

@usableFromInline struct WatermarkOptions: Sendable {
    struct Alignment: Sendable {
        var group: String
        var driftMillis: Int64
    }
    var idleAfterMillis: Int64?
    var alignment: Alignment?
    @usableFromInline var isEveryRecord = false

    @usableFromInline init() {}
}

/// Derives the watermark of one split from its records. Owned by one task thread.
public protocol WatermarkGenerator<Element>: SendableMetatype {
    associatedtype Element

    /// Once a record, in the split's order.
    mutating func observe(_ element: Element, at millis: Int64)

    /// No record at or before this time is expected any more; `Int64.min` at first. Should it fall, the fall is ignored.
    /// `Int64.max` counts as the millisecond before: that event time has ended is the source's to say.
    var watermark: Int64 { get }
}

/// Records are late by at most a bound: the watermark is the greatest time seen less the bound and one millisecond.
public struct BoundedOutOfOrderness<Element>: WatermarkGenerator {
    @usableFromInline let behind: Int64
    @usableFromInline var greatest = Int64.min

    @inlinable init(behind: Int64) { self.behind = behind }

    @inlinable @inline(__always)
    public mutating func observe(_ element: Element, at millis: Int64) { if millis > greatest { greatest = millis } }

    @inlinable public var watermark: Int64 {
        let (time, overflow) = greatest.subtractingReportingOverflow(behind)
        return overflow ? .min : time
    }
}

extension WatermarkStrategy {
    /// Times rise within a split; equal ones may follow one another.
    @inlinable public static func monotonic<Element>() -> Self where Generator == BoundedOutOfOrderness<Element> {
        Self { BoundedOutOfOrderness(behind: 1) }
    }

    /// A record comes at most `bound` (of event time) after one with a later time.
    @inlinable public static func boundedOutOfOrderness<Element>(_ bound: Duration) -> Self
    where Generator == BoundedOutOfOrderness<Element> {
        let behind = max(0, bound.wholeMillis).addingSaturating(1)
        return Self { BoundedOutOfOrderness(behind: behind) }
    }
}

extension Stream {
    /// Begins event time: gives each record the time that `millis` reads off it (milliseconds since 1970-01-01 UTC), and
    /// makes watermarks by `strategy`. Call it right behind the source, so that each of its splits has a watermark of its own;
    /// further down, a subtask's records are taken as one split. Replaces the event time a stream may have already.
    @inlinable public func watermarks<G: WatermarkGenerator>(
        _ strategy: WatermarkStrategy<G>, at millis: @escaping @Sendable (Element) -> Int64
    ) -> Stream<Stage<C, AssignWatermarks<G>>> where G.Element == Element {
        stage("watermarks", .assignsTime) { try AssignWatermarks(context: $0, strategy: strategy, millis: millis) }
    }
}
