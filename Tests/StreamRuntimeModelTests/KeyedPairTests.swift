import StreamRuntime
import StreamRuntimeTesting
import Testing

/// State that both inputs read and write, and timers of both kinds: first records wait in a list; second ones show what
/// waits, or (removals) clear it. Timers of event time empty the list, those of processing time look at it.
private struct Meet: KeyedPairFunction {
    typealias Output = String
    let waiting: ListState<Int64, Int64>
    /// When the timer of processing time is due.
    let due: ValueState<Int64, Int64>

    init(_ state: KeyedStateContext<Int64>) throws {
        waiting = try state.list("waiting", Int64.self)
        due = try state.value("due", Int64.self)
    }

    mutating func processFirst<Out: Collector>(
        _ event: Event, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        waiting.append(event.id, for: key)
        if event.millis > context.watermarkMillis {
            context.timers.registerEventTime(at: event.millis, for: key)
        } else {
            try out.collect("late \(event.id)")
        }
        if due[key] == nil {
            let time = context.processingTimeMillis() + Meet.delay
            due[key] = time
            context.timers.register(at: time, for: key)
        }
    }

    mutating func processSecond<Out: Collector>(
        _ event: Event, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        try out.collect("\(event.id) meets \(waiting[key])")
        context.timers.deleteEventTime(at: event.millis, for: key)
        guard event.isRemoval else { return }
        waiting.remove(key)
        if let time = due.remove(key) { context.timers.delete(at: time, for: key) }
    }

    mutating func timer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        due[key] = nil
        try out.collect("\(key) has \(waiting[key])")
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String { try out.collect("\(key) had \(waiting.remove(key))") }

    static let delay: Int64 = 7
}

private struct MeetModel: PairModel {
    private struct Timer: Hashable {
        var millis: Int64
        var key: Int64
    }
    private var waiting: [Int64: [Int64]] = [:]
    private var due: [Int64: Int64] = [:]
    private var timers: Set<Timer> = []
    private var reached = Int64.min
    private var now: Int64 = 0

    mutating func start(parallelism: Int) { now = 0 }

    mutating func first(_ event: Event) -> [String]? {
        waiting[event.key, default: []].append(event.id)
        if due[event.key] == nil { due[event.key] = now + Meet.delay }
        guard event.millis > reached else { return ["late \(event.id)@\(event.millis)"] }
        timers.insert(Timer(millis: event.millis, key: event.key))
        return []
    }

    mutating func second(_ event: Event) -> [String]? {
        let result = "\(event.id) meets \(waiting[event.key] ?? [])@\(event.millis)"
        timers.remove(Timer(millis: event.millis, key: event.key))
        if event.isRemoval {
            waiting[event.key] = nil
            due[event.key] = nil
        }
        return [result]
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        let over = timers.filter { $0.millis <= time }.sorted { $0.millis < $1.millis }
        timers.subtract(over)
        return over.map { "\($0.key) had \(waiting.removeValue(forKey: $0.key) ?? [])@\($0.millis)" }
    }

    mutating func clock(_ millis: Int64) -> [String] {
        now = millis
        let over = due.filter { $0.value <= millis }
        for key in over.keys { due[key] = nil }
        return over.map { "\($0.key) has \(waiting[$0.key] ?? [])@\($0.value)" }
    }
}

@Suite struct KeyedPairTests {
    @Test(arguments: TrialCase.some(heap: 12)) func connectedInputsShareStateAndTimers(_ life: TrialCase) async throws {
        var trial = try PairTrial(life, model: MeetModel(), removals: true) { first, second in
            first.keyed(by: \.key).connected(second.keyed(by: \.key)).process { try Meet($0) }
        }
        try await trial.run(steps: 200)
    }
}
