import StreamRuntime
import StreamRuntimeTesting

extension SimulatedWorkload {
    /// Keyed counting behind two shuffles.
    package static let counting = SimulatedWorkload(
        "counting", topics: ["in": 3, "out": 2],
        jobs: [
            Job("counting", reads: ["in"]) { flow, host in
                flow.source(host.source("in", of: Event.self)).rebalanced().map { $0 }.keyed(by: \.key)
                    .process { try CountOfKey($0) }
                    .sink(host.sink("out", of: Event.self) { Int($0.key) })
            }
        ],
        feed: { events("in", 3, keys: 20, rareKeys: 400, &$0) },
        check: { result, findings in
            // A rebalance keeps no order between a partition's records: counts alone say what happened.
            let found = result.records("out", of: Event.self)
            let fed = result.fed("in", of: Event.self).flatMap { $0 }
            findings.compareCounts(fed: fed.map { [$0] }, found: found)
        })

    /// Two sources, a union, three sinks.
    package static let manyEnds = SimulatedWorkload(
        "many-ends", topics: ["left": 2, "right": 1, "even": 2, "odd": 1, "raw": 1],
        jobs: [
            Job("many-ends", reads: ["left", "right"]) { flow, host in
                let left = flow.source(host.source("left", of: Event.self), id: "left")
                let right = flow.source(host.source("right", of: Event.self), id: "right")
                let counted = left.union(right).keyed(by: \.key).process { try CountOfKey($0) }
                counted.filter { $0.key % 2 == 0 }.sink(host.sink("even", of: Event.self) { Int($0.key / 2) }, id: "even")
                counted.filter { $0.key % 2 == 1 }.sink(host.sink("odd", of: Event.self) { _ in 0 }, id: "odd")
                right.sink(host.sink("raw", of: Event.self) { _ in 0 }, id: "raw")
            }
        ],
        feed: { random in
            let left = events("left", 2, keys: 15, rareKeys: 300, count: 700, &random)
            let right = events("right", 1, keys: 15, rareKeys: 300, count: 500, firstID: 10_000, &random)
            return left + right
        },
        check: { result, findings in
            let fed = result.fed("left", of: Event.self) + result.fed("right", of: Event.self)
            findings.compareCounts(
                fed: fed, found: result.records("even", of: Event.self) + result.records("odd", of: Event.self))
            let raw = result.records("raw", of: Event.self)
            findings.compare(expected: fed[2], found: raw[0], by: \.id)
            findings.requireOrder(raw[0], of: { _ in 0 }, by: \.id)
        })

    /// Two jobs with a topic between them: what one decides, the other may see, and nothing else.
    package static let islands = SimulatedWorkload(
        "islands", topics: ["in": 2, "between": 2, "out": 2],
        jobs: [
            Job("island-a", reads: ["in"]) { flow, host in
                flow.source(host.source("in", of: Event.self)).map { $0 }
                    .sink(host.sink("between", of: Event.self) { Int($0.key) })
            },
            Job("island-b", reads: ["between"]) { flow, host in
                flow.source(host.source("between", of: Event.self)).keyed(by: \.key).process { try CountOfKey($0) }
                    .sink(host.sink("out", of: Event.self) { Int($0.key) })
            },
        ],
        feed: { events("in", 2, keys: 10, rareKeys: 300, count: 1000, &$0) },
        check: { result, findings in
            findings.compareCounts(fed: result.fed("in", of: Event.self), found: result.records("out", of: Event.self))
        })

    /// Starts at the end of its topic: what counts is everything since the first start, whatever happened after it.
    package static let fromLatest = SimulatedWorkload(
        "from-latest", topics: ["in": 3, "out": 2],
        jobs: [
            Job("from-latest", reads: ["in"]) { flow, host in
                flow.source(host.source("in", of: Event.self, start: .latest)).keyed(by: \.key)
                    .process { try CountOfKey($0) }
                    .sink(host.sink("out", of: Event.self) { Int($0.key) })
            }
        ],
        feed: { events("in", 3, keys: 20, rareKeys: 400, &$0) },
        check: { result, findings in
            let fed = result.fed("in", of: Event.self).enumerated().map { partition, events in
                Array(events.dropFirst(result.firstPosition(of: "in/\(partition)")))
            }
            findings.compareCounts(fed: fed, found: result.records("out", of: Event.self))
        })
}
