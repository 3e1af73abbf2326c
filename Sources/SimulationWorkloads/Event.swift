import StreamRuntime
import StreamRuntimeTesting

/// The record of most workloads.
package struct Event: Hashable, Sendable, StateCodable {
    package var key: Int64
    /// Different for each fed record.
    package var id: Int64
    package var value: Int64 = 0
    package var millis: Int64 = 0

    package init(key: Int64, id: Int64, value: Int64 = 0, millis: Int64 = 0) {
        self.key = key
        self.id = id
        self.value = value
        self.millis = millis
    }

    package static var stateSchema: String { "simulated-event1" }

    package func encode(into writer: inout ByteWriter) {
        writer.integer(key)
        writer.integer(id)
        writer.integer(value)
        writer.integer(millis)
    }

    package init(from reader: inout ByteReader) throws {
        key = try reader.integer()
        id = try reader.integer()
        value = try reader.integer()
        millis = try reader.integer()
    }
}

/// Counts a key's records, and says with each which one it was.
struct CountOfKey: KeyedProcessFunction {
    typealias Output = Event
    private let counts: DefaultedState<Int64, Int64>

    init(_ state: KeyedStateContext<Int64>) throws { counts = try state.value("count", default: 0) }

    mutating func process<Out: Collector>(
        _ input: Event, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Event {
        let count = counts[key] + 1
        counts[key] = count
        try out.collect(Event(key: key, id: input.id, value: count, millis: input.millis))
    }
}

// MARK: Feeds

extension SimulatedWorkload {
    static let records = 1200

    /// Records of `keys` keys, over the partitions of a topic. With `rareKeys` every other record is of one of those: the more
    /// keys rest, the more a checkpoint is made of the files of those before.
    static func events(
        _ topic: String, _ partitions: Int, keys: Int64, rareKeys: Int64 = 0, count: Int = records, firstID: Int64 = 0,
        _ random: inout SimulationRandom
    ) -> [Input] {
        (0..<Int64(count)).map { number in
            let isRare = rareKeys > 0 && Bool.random(using: &random)
            let key = Int64.random(in: isRare ? keys..<(keys + rareKeys) : 0..<keys, using: &random)
            return Input(
                topic, partition: Int.random(in: 0..<partitions, using: &random), Event(key: key, id: firstID + number))
        }
    }

    /// The same with event time, which rises by about `step` a record in each partition and is out of order by up to
    /// `disorder`; a `lateShare` of them comes far later. At last a record in each partition, with id −1, that ends all.
    static func timedEvents(
        _ topic: String, _ partitions: Int, keys: Int64, count: Int = records, step: Int64 = 12, disorder: Int64 = 300,
        lateShare: Int = 0, _ random: inout SimulationRandom
    ) -> [Input] {
        var inputs: [Input] = []
        for number in 0..<Int64(count) {
            let isLate = Int.random(in: 0..<100, using: &random) < lateShare
            let behind = isLate ? Int64.random(in: 1_000...4_000, using: &random) : Int64.random(in: 0...disorder, using: &random)
            inputs.append(
                Input(
                    topic, partition: Int.random(in: 0..<partitions, using: &random),
                    Event(
                        key: Int64.random(in: 0..<keys, using: &random), id: number, value: isLate ? 1 : 0,
                        millis: 10_000 + number * step - behind)))
        }
        for partition in 0..<partitions {
            inputs.append(Input(topic, partition: partition, Event(key: 0, id: -1, millis: 1 << 40)))
        }
        return inputs
    }
}

// MARK: Checks

extension SimulationFindings {
    /// Each fed record was counted once, and each key's counts are 1, 2, 3, … in order.
    mutating func compareCounts(fed: [[Event]], found: [[Event]]) {
        let all = found.flatMap { $0 }
        compare(
            expected: fed.flatMap { $0 }.map { Event(key: $0.key, id: $0.id) },
            found: all.map { Event(key: $0.key, id: $0.id) }, by: \.id)
        for partition in found { requireOrder(partition, of: \.key, by: \.value) }
        var counts: [Int64: [Int64]] = [:]
        for event in all { counts[event.key, default: []].append(event.value) }
        for (key, values) in counts.sorted(by: { $0.key < $1.key }) where values.sorted() != Array(1...Int64(values.count)) {
            add(.wrong, "key \(key) was counted \(values.sorted().prefix(20))…, \(values.count) times")
        }
        requireFedOrder(fed: fed, found: found)
    }

    /// A key's records of one partition come out in the order in which they went in.
    mutating func requireFedOrder(fed: [[Event]], found: [[Event]]) {
        var origin: [Int64: Int] = [:]
        for (partition, events) in fed.enumerated() { for event in events { origin[event.id] = partition } }
        for partition in found {
            requireOrder(partition, of: { [$0.key, Int64(origin[$0.id] ?? -1)] }, by: \.id)
        }
    }
}
