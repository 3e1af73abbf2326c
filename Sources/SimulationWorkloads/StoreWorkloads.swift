import StreamRuntime
import StreamRuntimeTesting

/// Writes each record to the store once, and counts per key what was written.
struct WriteAndCount: KeyedAsyncFunction {
    typealias Key = Int64
    typealias Input = Event
    typealias Output = Event
    private let counts: DefaultedState<Int64, Int64>
    private let store: SimulatedStoreClient

    init(_ state: KeyedStateContext<Int64>, _ store: SimulatedStoreClient) throws {
        counts = try state.value("count", default: 0)
        self.store = store
    }

    mutating func request(_ input: Event, key: Int64) -> Event { input }

    var perform: @Sendable (Event) async throws -> SimulatedStore.Answer {
        { [store] event in
            let key = "record/\(event.id)"
            return try await store.transact([.absent(key)], [.init(key, [UInt8(event.key & 0xFF)])], by: "\(event.id)")
        }
    }

    mutating func complete<Out: Collector>(
        _ input: Event, key: Int64, _ response: SimulatedStore.Answer, into out: inout Out
    ) throws where Out.Element == Event {
        let count = counts[key] + 1
        counts[key] = count
        try out.collect(Event(key: key, id: input.id, value: count))
    }

    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
        switch error {
        case SimulatedStoreError.throttled where attempt > 3: .waitOut(reason: "throttled", retryAfterMillis: 50)
        case SimulatedStoreError.throttled, is AsyncTimeout: .retry(afterMillis: 10 * attempt)
        default: .fail
        }
    }
}

extension SimulatedWorkload {
    /// Requests to the store, one after the other for each key, with state.
    package static let async = SimulatedWorkload(
        "async", topics: ["in": 2, "out": 2],
        jobs: [
            Job("async", reads: ["in"]) { flow, host in
                flow.source(host.source("in", of: Event.self)).keyed(by: \.key)
                    .asyncProcess(AsyncOptions(capacity: 64, timeoutMillis: 600)) { [store = host.store] in
                        try WriteAndCount($0, store)
                    }
                    .sink(host.sink("out", of: Event.self) { Int($0.key) })
            }
        ],
        feed: { events("in", 2, keys: 40, count: 1000, &$0) },
        check: { result, findings in
            let fed = result.fed("in", of: Event.self)
            findings.compareCounts(fed: fed, found: result.records("out", of: Event.self))
            for event in fed.flatMap({ $0 }) where result.store["record/\(event.id)"] == nil {
                findings.add(.lost, "\(event) is not in the store")
            }
        })

    /// No transaction: the checkpoint decides, and the store is written to so that repeating changes nothing.
    package static let effects = SimulatedWorkload(
        "effects", topics: ["in": 3],
        jobs: [
            Job("effects", reads: ["in"], decidesOnBroker: false) { flow, host in
                flow.source(host.source("in", of: Event.self)).keyed(by: \.key).process { try CountOfKey($0) }
                    .sink(host.storeSink { .init("record/\($0.id)", [UInt8($0.key), UInt8($0.value & 0xFF)]) })
            }
        ],
        // A key's records in one partition: their order, and so what is counted, is the same in every replay.
        feed: { random in
            (0..<Int64(records)).map { number in
                let key = Int64.random(in: 0..<21, using: &random)
                return Input("in", partition: Int(key % 3), Event(key: key, id: number))
            }
        },
        check: { result, findings in
            var counts: [Int64: Int] = [:]
            for event in result.fed("in", of: Event.self).flatMap({ $0 }) {
                counts[event.key, default: 0] += 1
                let expected = [UInt8(event.key), UInt8((counts[event.key] ?? 0) & 0xFF)]
                guard let item = result.store["record/\(event.id)"] else {
                    findings.add(.lost, "\(event)")
                    continue
                }
                if item.value != expected { findings.add(.wrong, "\(event) is \(item.value) in the store, not \(expected)") }
            }
        })
}
