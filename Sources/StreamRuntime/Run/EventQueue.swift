import Foundation

/// Events for one waiting thread. Bounded by what produces them: a few per task and epoch.
final class EventQueue<Event>: @unchecked Sendable {  // `events` only under `condition`
    private let condition = NSCondition()
    private var events: [Event] = []

    func post(_ event: Event) {
        condition.lock()
        events.append(event)
        condition.signal()
        condition.unlock()
    }

    var isEmpty: Bool {
        condition.lock()
        defer { condition.unlock() }
        return events.isEmpty
    }

    /// Everything posted so far; waits up to `millis` for the first.
    func take(waitMillis millis: Int) -> [Event] {
        condition.lock()
        defer { condition.unlock() }
        if events.isEmpty, millis > 0 {
            _ = condition.wait(until: Date(timeIntervalSinceNow: Double(millis) / 1000))
        }
        defer { events.removeAll(keepingCapacity: true) }
        return events
    }
}
