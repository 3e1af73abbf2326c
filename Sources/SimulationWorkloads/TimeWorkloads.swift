import StreamRuntime
import StreamRuntimeTesting

/// Gives each record out again when event time has passed it by half a second.
struct Delay: KeyedProcessFunction {
    typealias Output = Event
    static let millis: Int64 = 500
    private let waiting: ListState<Int64, Event>

    init(_ state: KeyedStateContext<Int64>) throws { waiting = try state.list("waiting", Event.self) }

    mutating func process<Out: Collector>(
        _ input: Event, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Event {
        waiting.append(input, for: key)
        context.timers.registerEventTime(at: input.millis + Self.millis, for: key)
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Event {
        var rest: [Event] = []
        for event in waiting[key] {
            if event.millis + Self.millis == millis {
                try out.collect(Event(key: key, id: event.id, value: millis, millis: event.millis))
            } else {
                rest.append(event)
            }
        }
        waiting[key] = rest
    }
}

extension SimulatedWorkload {
    private static let disorder: Int64 = 300

    /// Windows over records out of order, some of them too late.
    package static let windows = SimulatedWorkload(
        "windows", topics: ["in": 3, "out": 2, "late": 1],
        jobs: [
            Job("windows", reads: ["in"]) { flow, host in
                let late = SideOutput<Event>("late")
                let results = flow.source(host.source("in", of: Event.self))
                    .watermarks(.boundedOutOfOrderness(.milliseconds(disorder)), at: \.millis)
                    .keyed(by: \.key).window(.tumbling(.seconds(1))).lateOutput(late)
                    .process { result in
                        result.value.map { Event(key: $0.key, id: $0.id, value: result.window.start, millis: $0.millis) }
                    }
                results.sink(host.sink("out", of: Event.self) { Int($0.key) }, id: "out")
                results.sideOutput(late).sink(host.sink("late", of: Event.self) { _ in 0 }, id: "late")
            }
        ],
        feed: { timedEvents("in", 3, keys: 12, disorder: disorder, lateShare: 6, &$0) },
        check: { result, findings in
            let fed = result.fed("in", of: Event.self).flatMap { $0 }.filter { $0.id >= 0 }
            let windowed = result.records("out", of: Event.self).flatMap { $0 }
            let late = result.records("late", of: Event.self).flatMap { $0 }
            findings.compare(
                expected: fed.map { Event(key: $0.key, id: $0.id, millis: $0.millis) },
                found: (windowed + late).map { Event(key: $0.key, id: $0.id, millis: $0.millis) }, by: \.id)
            for event in windowed where event.value != event.millis - event.millis % 1000 {
                findings.add(.wrong, "\(event) is in the window that starts at \(event.value)")
            }
            for event in late where event.value == 0 { findings.add(.wrong, "\(event) came in time and was taken as late") }
        })

    /// Timers in event time, in state.
    package static let timers = SimulatedWorkload(
        "timers", topics: ["in": 2, "out": 2],
        jobs: [
            Job("timers", reads: ["in"]) { flow, host in
                flow.source(host.source("in", of: Event.self))
                    .watermarks(.boundedOutOfOrderness(.milliseconds(disorder)), at: \.millis)
                    .keyed(by: \.key).process { try Delay($0) }
                    .sink(host.sink("out", of: Event.self) { Int($0.key) })
            }
        ],
        feed: { timedEvents("in", 2, keys: 15, disorder: disorder, &$0) },
        check: { result, findings in
            let fed = result.fed("in", of: Event.self).flatMap { $0 }.filter { $0.id >= 0 }
            let found = result.records("out", of: Event.self)
            findings.compare(
                expected: fed.map { Event(key: $0.key, id: $0.id, value: $0.millis + Delay.millis, millis: $0.millis) },
                found: found.flatMap { $0 }, by: \.id)
            for partition in found { findings.requireOrder(partition, of: \.key, by: \.value) }
        })

    /// Pairs of records of two topics that are close in time.
    package static let joins = SimulatedWorkload(
        "joins", topics: ["left": 2, "right": 2, "out": 2],
        jobs: [
            Job("joins", reads: ["left", "right"]) { flow, host in
                let strategy = WatermarkStrategy<BoundedOutOfOrderness<Event>>
                    .boundedOutOfOrderness(.milliseconds(disorder))
                let left = flow.source(host.source("left", of: Event.self), id: "left").watermarks(strategy, at: \.millis)
                let right = flow.source(host.source("right", of: Event.self), id: "right").watermarks(strategy, at: \.millis)
                left.keyed(by: \.key).joined(with: right.keyed(by: \.key))
                    .intervalJoin(between: .milliseconds(-reach), and: .milliseconds(reach))
                    .inner { Event(key: $0.key, id: $0.id * 100_000 + $1.id, millis: max($0.millis, $1.millis)) }
                    .sink(host.sink("out", of: Event.self) { Int($0.key) })
            }
        ],
        feed: { random in
            let left = timedEvents("left", 2, keys: 30, count: 600, step: 20, disorder: disorder, &random)
            let right = timedEvents("right", 2, keys: 30, count: 600, step: 20, disorder: disorder, &random)
            // Side by side, as they are in time.
            return zip(left, right).flatMap { [$0, $1] }
        },
        check: { result, findings in
            let left = result.fed("left", of: Event.self).flatMap { $0 }.filter { $0.id >= 0 }
            let right = result.fed("right", of: Event.self).flatMap { $0 }.filter { $0.id >= 0 }
            let byKey = Dictionary(grouping: right, by: \.key)
            let pairs = left.flatMap { one in
                (byKey[one.key] ?? []).filter { abs($0.millis - one.millis) <= reach }.map { other in
                    Event(key: one.key, id: one.id * 100_000 + other.id, millis: max(one.millis, other.millis))
                }
            }
            let found = result.records("out", of: Event.self).flatMap { $0 }.filter { $0.id >= 0 && $0.millis < 1 << 40 }
            findings.compare(expected: pairs, found: found, by: \.id)
        })

    private static let reach: Int64 = 250
}
