extension Stream {
    /// Lets `perSecond` records a second through, over all subtasks together, and holds the stream back when more come:
    /// nothing is dropped, and no thread sleeps. `burst`: so many may pass at once after a pause; a second's worth when not
    /// given.
    ///
    /// Each subtask lets its share of the rate through, also when others have nothing to do. The allowance is not part of
    /// checkpoints: a restart begins without any. A barrier queues behind the records that are buffered on the way
    /// here: give checkpoints of a job with a very low rate the time that takes.
    @inlinable public func rateLimited(perSecond: Double, burst: Double? = nil) -> Stream<Stage<C, RateLimit<Element>>> {
        stage("rate-limit", .asynchronous) { try RateLimit(context: $0, perSecond: perSecond, burst: burst ?? max(1, perSecond)) }
    }
}

/// `Stream.rateLimited`.
///
/// The record that finds no allowance left still passes, on credit; then the task takes no more until the credit is paid
/// back. So the rate holds over any span of time up to `burst` records, and those that one record makes upstream.
public struct RateLimit<Input>: Operator {
    public typealias Output = Input
    private let services: TaskServices
    private var bucket: TokenBucket
    private let clock: any RuntimeClock
    private var hold = RecordHold()

    @usableFromInline init(context: OperatorContext, perSecond: Double, burst: Double) throws {
        guard perSecond > 0, perSecond.isFinite, burst >= 1 else {
            throw GraphError(
                "operator '\(context.operatorID)': rateLimited needs perSecond > 0 and burst >= 1, got perSecond \(perSecond), burst \(burst)"
            )
        }
        services = context.services
        clock = context.clock
        let share = 1 / Double(context.parallelism)
        bucket = TokenBucket(
            perSecond: perSecond * share, burst: max(1, burst * share), nowNanos: context.clock.monotonicNanos())
    }

    @inlinable public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Input {
        take()
        try down.collect(input)
    }

    /// Reads the clock for every record: what a pause brought must not be added to an allowance that the pause began with.
    @usableFromInline mutating func take() {
        let now = clock.monotonicNanos()
        bucket.refill(now)
        bucket.take()
        updateHold(now)
    }

    private mutating func updateHold(_ nowNanos: Int64) {
        if bucket.isEmpty { services.wantTick(atNanos: nowNanos + bucket.nanosUntilPaid) }
        hold.set(bucket.isEmpty, services)
    }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Input { release() }

    @usableFromInline mutating func release() {
        guard hold.isOn else { return }
        let now = clock.monotonicNanos()
        bucket.refill(now)
        updateHold(now)
    }
}

/// Allowance that grows with time, up to a bound. Pure.
package struct TokenBucket {
    private let perSecond: Double
    private let burst: Double
    private var filledNanos: Int64
    private var tokens: Double = 0

    package init(perSecond: Double, burst: Double, nowNanos: Int64) {
        self.perSecond = perSecond
        self.burst = burst
        filledNanos = nowNanos
    }

    /// Uses one, on credit when none is left.
    package mutating func take() { tokens -= 1 }

    package mutating func refill(_ nowNanos: Int64) {
        tokens = min(burst, tokens + Double(max(0, nowNanos - filledNanos)) / 1e9 * perSecond)
        filledNanos = max(filledNanos, nowNanos)
    }

    package var isEmpty: Bool { tokens < 0 }

    /// Until what was used on credit is paid back; a century stands for all that takes longer.
    package var nanosUntilPaid: Int64 { Int64(min(max(0, -tokens) / perSecond * 1e9, Self.centuryNanos).rounded(.up)) }
    private static let centuryNanos = 100 * 366 * 86_400e9
}
