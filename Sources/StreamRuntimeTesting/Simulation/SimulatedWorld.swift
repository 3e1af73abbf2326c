import StreamRuntime

/// Time, chance and everything that is on its way in a simulation. One thread; all order in it comes from the seed.
public final class SimulatedWorld: @unchecked Sendable {  // the simulation's thread only
    let clock = SimulatedClock()
    let trace: SimulationTrace
    var random: SeededGenerator

    private struct Event {
        let nanos: Int64
        let sequence: Int
        let body: () -> Void
    }
    /// A binary heap, the earliest first.
    private var events: [Event] = []
    private var sequence = 0
    /// What else may happen while a process waits for an answer: its tasks go on.
    var meanwhile: (() -> Void)?
    private var isInMeanwhile = false

    init(seed: UInt64, recordsTrace: Bool) {
        random = SeededGenerator(seed: seed)
        trace = SimulationTrace(clock: clock, records: recordsTrace)
    }

    var now: Int64 { clock.monotonicNanos() }

    // MARK: Chance

    func chance(_ probability: Double) -> Bool {
        probability > 0 && Double.random(in: 0..<1, using: &random) < probability
    }
    func number(in range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
    func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    func pick<Element>(_ elements: [Element]) -> Element { elements[Int.random(in: 0..<elements.count, using: &random)] }

    // MARK: Time

    /// `body` runs once so much time has passed.
    func after(_ nanos: Int64, _ body: @escaping () -> Void) { at(now + max(0, nanos), body) }

    func at(_ nanos: Int64, _ body: @escaping () -> Void) {
        sequence += 1
        events.append(Event(nanos: max(nanos, now), sequence: sequence, body: body))
        var child = events.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { break }
            events.swapAt(child, parent)
            child = parent
        }
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        (events[a].nanos, events[a].sequence) < (events[b].nanos, events[b].sequence)
    }

    private func popEvent() -> Event {
        events.swapAt(0, events.count - 1)
        let event = events.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < events.count else { return event }
            let child = left + 1 < events.count && isBefore(left + 1, left) ? left + 1 : left
            guard isBefore(child, parent) else { return event }
            events.swapAt(child, parent)
            parent = child
        }
    }

    var nextEventNanos: Int64 { events.first?.nanos ?? .max }

    /// Everything that is due happens. False when nothing was.
    @discardableResult
    func runDue() -> Bool {
        var ran = false
        while let first = events.first, first.nanos <= now {
            popEvent().body()
            ran = true
        }
        return ran
    }

    /// Time goes on to `nanos`, and what is due on the way happens when it is due.
    func advance(to nanos: Int64) {
        while nextEventNanos <= nanos {
            clock.advance(to: nextEventNanos)
            runDue()
        }
        clock.advance(to: nanos)
    }

    /// Somebody waits, until `isOver` or the deadline: false when that came first.
    func wait(untilNanos deadline: Int64, for isOver: () throws -> Bool) rethrows -> Bool {
        while try !isOver() {
            guard now < deadline else { return false }
            if let meanwhile, !isInMeanwhile, chance(0.5) {
                isInMeanwhile = true
                meanwhile()
                isInMeanwhile = false
            }
            let step = now + number(in: 20_000...400_000 as ClosedRange<Int64>)
            advance(to: min(deadline, max(step, min(nextEventNanos, now + 5_000_000))))
        }
        return true
    }

    /// Nothing happens any more.
    func end() {
        events = []
        meanwhile = nil
    }

    func pause(_ nanos: Int64) { _ = wait(untilNanos: now + nanos) { false } }
}
