import StreamRuntime
import Testing

/// `TriggerState` through every short history.
@Suite struct TriggerTests {
    enum Step: CaseIterable { case record, earlyTimer, end }

    static let triggers: [WindowTrigger] = {
        var all: [WindowTrigger] = []
        for early in [nil, 1, 2, 3] {
            for period in [nil, Duration.seconds(1)] {
                for late in [1, 2] {
                    var trigger = WindowTrigger.atEnd.late(count: late)
                    if let early { trigger = trigger.early(count: early) }
                    if let period { trigger = trigger.early(every: period) }
                    all += [trigger, trigger.discarding]
                }
            }
        }
        return all
    }()

    /// One window as an operator keeps it: records are numbers, a result is what it covers.
    struct Window {
        var state = TriggerState()
        var isClosed = false
        var accumulated: [Int] = []
        var records = 0
        var results: [(index: Int, records: [Int])] = []
        var clock: Int64 = 0

        mutating func fire(_ trigger: WindowTrigger) {
            _ = state.disarm()
            results.append((state.fire(), accumulated))
            if trigger == trigger.discarding { accumulated = [] }
        }

        mutating func take(_ step: Step, _ trigger: WindowTrigger) {
            clock += 1
            switch step {
            case .record:
                accumulated.append(records)
                records += 1
                switch state.add(trigger, isClosed: isClosed) {
                case .nothing: break
                case .fire: fire(trigger)
                case .arm: state.arm(at: clock + 1000)
                }
            case .earlyTimer:
                if let armed = state.armedMillis, state.earlyTimer(at: armed) { fire(trigger) }
            case .end:
                guard !isClosed, !state.isNew else { return isClosed = true }
                isClosed = true
                if state.firesAtEnd(trigger) { fire(trigger) }
                _ = state.disarm()
            }
        }
    }

    /// Every history of up to eight steps that ends with the window's removal.
    @Test(arguments: triggers) func everyRecordIsInAResultAndDiscardingOnesInExactlyOne(_ trigger: WindowTrigger) {
        var histories: [Window] = [Window()]
        for _ in 0..<8 {
            histories = histories.flatMap { window in
                Step.allCases.map { step in
                    var next = window
                    let before = next.results.count
                    next.take(step, trigger)
                    check(next, trigger, gave: next.results.count - before, step)
                    return next
                }
            }
            for window in histories { checkRemoved(window, trigger) }
        }
    }

    private func check(_ window: Window, _ trigger: WindowTrigger, gave: Int, _ step: Step) {
        if gave > 1 { Issue.record("two results of one step") }
        if window.state.armedMillis != nil, window.state.unfired == 0 { Issue.record("armed, and nothing waits: \(window)") }
        if window.state.armedMillis != nil, window.isClosed { Issue.record("armed after the end: \(window)") }
        // What may wait is bounded by the counts.
        if window.isClosed, window.state.unfired > 1, trigger == trigger.late(count: 1) {
            Issue.record("late records wait: \(window)")
        }
    }

    private func checkRemoved(_ window: Window, _ trigger: WindowTrigger) {
        var window = window
        if !window.isClosed { window.take(.end, trigger) }
        if window.state.firesAtCleanup { window.fire(trigger) }
        let all = Array(0..<window.records)
        let results = window.results.map(\.records)
        guard window.results.map(\.index) == Array(0..<results.count) else {
            Issue.record("indices: \(window)")
            return
        }
        if window.records == 0 {
            #expect(results.isEmpty, "a result of nothing")
        } else if trigger == trigger.discarding {
            if results.flatMap({ $0 }) != all || results.contains([]) { Issue.record("\(trigger): \(window)") }
        } else if results.last != all {
            Issue.record("\(trigger): \(window)")
        }
    }

    @Test func theWatermarkAtTheEndIsHeardOfAlsoWhenNothingIsNew() {
        var window = Window()
        for step in [.record, .end] as [Step] { window.take(step, .atEnd.early(count: 1)) }
        #expect(window.results.map(\.records) == [[0], [0]])
        window = Window()
        for step in [.record, .end] as [Step] { window.take(step, .atEnd.early(count: 1).discarding) }
        #expect(window.results.map(\.records) == [[0]])
    }

    @Test func mergedStatesKeepWhatIsUnfiredAndTheEarlierTimer() {
        var (a, b) = (TriggerState(), TriggerState())
        let trigger = WindowTrigger.atEnd.early(every: .seconds(1))
        #expect(a.add(trigger, isClosed: false) == .arm)
        a.arm(at: 70)
        #expect(b.add(trigger, isClosed: false) == .arm)
        b.arm(at: 50)
        #expect(a.merge(b) == 70)
        #expect(a.unfired == 2 && a.armedMillis == 50 && a.panes == 0)
        #expect(a.fire() == 0)
        #expect(b.merge(a) == nil)
        #expect(b.panes == 1 && b.unfired == 1)
    }

    @Test func itReadsBackWhatItWrote() throws {
        var state = TriggerState()
        for step in 0..<5 {
            _ = state.add(.atEnd, isClosed: false)
            if step == 2 { _ = state.fire() }
            if step == 3 { state.arm(at: -5) }
            #expect(try roundTrip(state) == state)
        }
    }
}

func roundTrip<Value: StateCodable>(_ value: Value) throws -> Value {
    var writer = ByteWriter()
    value.encode(into: &writer)
    return try writer.withBytes { bytes in
        var reader = ByteReader(bytes)
        let read = try Value(from: &reader)
        #expect(reader.remaining == 0)
        return read
    }
}
