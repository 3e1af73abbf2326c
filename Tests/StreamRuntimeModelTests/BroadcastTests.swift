import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Says of each record which rule its key has; each subtask says of each rule that it has come. A removal lifts a rule.
private struct Rules: BroadcastFunction {
    typealias Output = String
    let rules: BroadcastView<Int64, Int64>

    init(_ context: OperatorContext) throws { rules = try context.broadcastView("rules", Int64.self, Int64.self) }

    mutating func process<Out: Collector>(_ event: Event, into out: inout Out) throws where Out.Element == String {
        try out.collect(ruled(event.id, by: rules.entries))
    }

    mutating func processBroadcast<Out: Collector>(_ rule: Event, _ writer: BroadcastWriter, into out: inout Out) throws
    where Out.Element == String {
        if rule.isRemoval { writer.remove(rules, rule.key) } else { writer.set(rules, rule.key, to: rule.id) }
        try out.collect("rule \(rule.id)")
    }
}

/// The same beside a count of each key, which its timers say.
private struct KeyedRules: KeyedBroadcastFunction {
    typealias Output = String
    let rules: BroadcastView<Int64, Int64>
    let counts: DefaultedState<Int64, Int>

    init(_ state: KeyedStateContext<Int64>) throws {
        rules = try state.operatorContext.broadcastView("rules", Int64.self, Int64.self)
        counts = try state.value("count", default: 0)
    }

    mutating func process<Out: Collector>(
        _ event: Event, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        counts[key] += 1
        if event.millis > context.watermarkMillis { context.timers.registerEventTime(at: event.millis, for: key) }
        try out.collect(ruled(event.id, by: rules.entries))
    }

    mutating func processBroadcast<Out: Collector>(_ rule: Event, _ writer: BroadcastWriter, into out: inout Out) throws
    where Out.Element == String {
        if rule.isRemoval { writer.remove(rules, rule.key) } else { writer.set(rules, rule.key, to: rule.id) }
        try out.collect("rule \(rule.id)")
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String { try out.collect("\(key) has \(counts[key]), rule \(rules[key] ?? 0)") }
}

/// All the rules there are, so that a subtask that misses one, whatever its key, is found out.
private func ruled(_ id: Int64, by rules: [Int64: Int64]) -> String {
    "\(id) under \(rules.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" })"
}

private struct RulesModel: PairModel {
    private struct Timer: Hashable {
        var millis: Int64
        var key: Int64
    }
    let isKeyed: Bool
    private var rules: [Int64: Int64] = [:]
    private var counts: [Int64: Int] = [:]
    private var timers: Set<Timer> = []
    private var reached = Int64.min
    private var subtasks = 1

    init(isKeyed: Bool) { self.isKeyed = isKeyed }

    mutating func start(parallelism: Int) { subtasks = parallelism }

    mutating func first(_ event: Event) -> [String]? {
        counts[event.key, default: 0] += 1
        if isKeyed, event.millis > reached { timers.insert(Timer(millis: event.millis, key: event.key)) }
        return ["\(ruled(event.id, by: rules))@\(event.millis)"]
    }

    mutating func second(_ rule: Event) -> [String]? {
        rules[rule.key] = rule.isRemoval ? nil : rule.id
        return Array(repeating: "rule \(rule.id)@\(rule.millis)", count: subtasks)
    }

    mutating func watermark(_ time: Int64) -> [String] {
        reached = time
        let over = timers.filter { $0.millis <= time }
        timers.subtract(over)
        return over.map { "\($0.key) has \(counts[$0.key] ?? 0), rule \(rules[$0.key] ?? 0)@\($0.millis)" }
    }
}

@Suite struct BroadcastTests {
    @Test(arguments: TrialCase.some(heap: 8)) func everySubtaskHasEveryRule(_ life: TrialCase) async throws {
        var trial = try PairTrial(life, model: RulesModel(isKeyed: false), removals: true) { events, rules in
            events.partitioned { Int($0.id) % $1 }.connected(broadcasting: rules).process { try Rules($0) }
        }
        try await trial.run(steps: 150)
    }

    @Test(arguments: TrialCase.some(heap: 8)) func keyedStateAndTimersStandBesideTheRules(_ life: TrialCase) async throws {
        var trial = try PairTrial(life, model: RulesModel(isKeyed: true), removals: true) { events, rules in
            events.keyed(by: \.key).connected(broadcasting: rules).process { try KeyedRules($0) }
        }
        try await trial.run(steps: 150)
    }
}
