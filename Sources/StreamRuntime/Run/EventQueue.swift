/// Events for one waiting thread. Bounded by what produces them: a few per task and epoch.
final class EventQueue<Event>: @unchecked Sendable {  // `events` only under `condition`
    private let condition = MonotonicCondition()
    private var events: [Event] = []

    func post(_ event: Event) {
        condition.withLock {
            events.append(event)
            condition.signal()
        }
    }

    var isEmpty: Bool { condition.withLock { events.isEmpty } }

    /// Everything posted so far; waits up to `millis` for the first. May return earlier with nothing.
    func take(waitMillis millis: Int) -> [Event] {
        condition.withLock {
            if events.isEmpty, millis > 0 { condition.wait(nanos: Int64(millis) * 1_000_000) }
            return exchange(&events, with: [])
        }
    }
}
