import Synchronization

/// Events for one waiting thread. Bounded by what produces them: a few per task and epoch. The wait is of the monotonic
/// clock: when the machine's is set back, the coordinator still looks at its time-outs and begins its epochs.
final class EventQueue<Event: Sendable>: Sendable {
    private let events = Mutex<[Event]>([])
    private let waker = Waker()

    func post(_ event: Event) {
        events.withLock { $0.append(event) }
        waker.wake()
    }

    var isEmpty: Bool { events.withLock { $0.isEmpty } }

    /// Everything posted so far; waits up to `millis` for the first.
    func take(waitMillis millis: Int) -> [Event] {
        if millis > 0 { waker.sleep(micros: Int64(millis) * 1000) { !isEmpty } }
        return events.withLock { exchange(&$0, with: []) }
    }
}
