/// The timers of one keyed operator in one subtask: at most one per key, time and time domain, kept in state, so that
/// a timer outlives a crash and fires once per decided epoch. Owned by the task thread.
///
/// All times are milliseconds since 1970-01-01 UTC; any `Int64` will do. Timers fire in the order of their times; among
/// timers of one time the order is not defined. A timer registered in the past fires at once (processing time), or
/// with the next watermark (event time).
public final class TimerService<Key: StreamKey> {
    @usableFromInline let processingTime: TimerQueue<Key>
    @usableFromInline let eventTime: TimerQueue<Key>
    @usableFromInline let services: TaskServices

    /// Declares the states of both domains. `restore` follows when the operator's state is sealed.
    @inlinable init(state: OperatorState, services: TaskServices, limits: TimerLimits = TimerLimits()) throws {
        processingTime = try TimerQueue(TimerStates.processingTime, state: state, limits: limits)
        eventTime = try TimerQueue(TimerStates.eventTime, state: state, limits: limits)
        self.services = services
    }

    // MARK: For functions

    /// Calls the function's `timer` once processing time has reached `millis`.
    @inlinable public func register(at millis: Int64, for key: Key) {
        processingTime.register(at: millis, for: key)
        wantTick(at: millis)
    }

    /// Forgets a processing-time timer; one that is not registered is no error.
    @inlinable public func delete(at millis: Int64, for key: Key) { processingTime.delete(at: millis, for: key) }

    /// Calls the function's event-time timer once the watermark has reached `millis`.
    @inlinable public func registerEventTime(at millis: Int64, for key: Key) { eventTime.register(at: millis, for: key) }

    /// Forgets an event-time timer; one that is not registered is no error.
    @inlinable public func deleteEventTime(at millis: Int64, for key: Key) { eventTime.delete(at: millis, for: key) }

    // MARK: For the operator

    /// What timers' functions use is read by `ahead` before they fire.
    @usableFromInline func readAhead(_ ahead: ReadAhead<Key>?) {
        processingTime.bounded?.ahead = ahead
        eventTime.bounded?.ahead = ahead
    }

    /// After `OperatorState.seal`.
    @inlinable package func restore() throws {
        try processingTime.restore()
        try eventTime.restore()
        askForTick()
    }

    /// Takes one processing-time timer that is due at `millis`, the earliest first.
    @inlinable package func next(dueAt millis: Int64) -> (millis: Int64, key: Key)? { processingTime.next(upTo: millis) }

    /// Takes one event-time timer at `watermark` or before, the earliest first.
    @inlinable package func nextEventTime(upTo watermark: Int64) -> (millis: Int64, key: Key)? {
        eventTime.next(upTo: watermark)
    }

    /// Asks the task for a tick at the earliest processing-time timer.
    @inlinable package func askForTick() {
        if let millis = processingTime.earliestMillis { wantTick(at: millis) }
    }

    /// Clamped to times that durations can be computed from without overflow (1970 to 2255).
    @usableFromInline func wantTick(at millis: Int64) { services.wantTimer(at: min(max(millis, 0), 9_000_000_000_000)) }
}
