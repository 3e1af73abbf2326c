import ConnectorKafka
import ConnectorLog
import StreamRuntime

/// The topics of the counting drill.
public struct NumberTopics: Sendable {
    public let numbers: String
    public let counts: String

    /// Of one drill: on a cluster that several share, each has its own.
    public init(prefix: String) {
        numbers = "\(prefix)-numbers"
        counts = "\(prefix)-counts"
    }
}

/// The load of the counting drill: the numbers 0, 1, 2, …, exactly once into a topic.
public struct NumberFeedJob: StreamJob {
    public static let name = "drill-numbers"
    public static let summary = "The load of the counting drill: numbers into a topic."

    private let feed: Feed

    public init(transport: TradingTransport, topics: NumberTopics, deal: NumberDeal, perSecond: Double) {
        let topic = topics.numbers
        feed = Feed(transport: transport, topic: topic, first: 0, perSecond: perSecond, limit: nil) { number in
            OutgoingRecord(topic: topic, key: Array("\(deal.key(of: number))".utf8), value: Array("\(number)".utf8))
        }
    }

    public func build(_ flow: Flow) { feed.build(flow) }
}

/// Counts the numbers of each key, in state of any size:
///
///     numbers ─► by key ─► count, remember ─► counts
///
/// Every output repeats what the state said, so that from outside a lost, doubled or late number shows, and a state that is
/// not the one the outputs came from.
public struct NumberCountJob: StreamJob {
    public static let name = "drill-counts"
    public static let summary = "The counting drill: numbers per key, in state of any size."

    private let transport: TradingTransport
    private let topics: NumberTopics
    private let deal: NumberDeal
    private let stateBytes: Int
    private let groupID: String

    /// - Parameter stateBytes: of each key.
    public init(
        transport: TradingTransport, topics: NumberTopics, deal: NumberDeal, stateBytes: Int, groupID: String = "drill-counts"
    ) {
        self.transport = transport
        self.topics = topics
        self.deal = deal
        self.stateBytes = stateBytes
        self.groupID = groupID
    }

    public func build(_ flow: Flow) {
        switch transport {
        case .log(let store):
            connect(
                flow, LogSource<Int64>(store, topics: [topics.numbers]) { try Self.number($0.value) },
                OutgoingRecord.sink(store, topics.counts))
        case .kafka(let configuration, let transactions):
            connect(
                flow,
                KafkaSource<Int64>(configuration, topics: [topics.numbers], groupID: groupID, start: .earliest) {
                    try Self.number($0.value)
                }, OutgoingRecord.sink(configuration, transactions, topics.counts))
        }
    }

    private func connect<Numbers: Source<Int64>, Counts: Sink<OutgoingRecord>>(
        _ flow: Flow, _ numbers: Numbers, _ counts: Counts
    ) {
        let (deal, bytes, topic) = (deal, stateBytes, topics.counts)
        flow.source(numbers, id: "numbers")
            .keyed(by: { deal.key(of: $0) })
            .process { try CountNumbers($0, stateBytes: bytes) }.id("count")
            .map { counted in
                OutgoingRecord(topic: topic, key: Array("\(deal.key(of: counted.number))".utf8), value: counted.encoded())
            }.id("encode")
            .sink(counts, id: "output")
    }

    private static func number(_ value: UnsafeRawBufferPointer?) throws -> Int64 {
        guard let value, let number = Int64(String(decoding: value, as: UTF8.self)) else {
            throw StateDecodingError("a record of the counting drill is no number: is another program writing to its topic?")
        }
        return number
    }
}

/// The state of `NumberCountJob`.
private struct CountNumbers: KeyedProcessFunction {
    typealias Output = NumberedCount
    let memory: ValueState<Int64, NumberMemory>
    let stateBytes: Int

    init(_ state: KeyedStateContext<Int64>, stateBytes: Int) throws {
        memory = try state.value("memory", NumberMemory.self)
        self.stateBytes = stateBytes
    }

    mutating func process<Out: Collector>(
        _ number: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == NumberedCount {
        let before = memory[key]
        let isIntact = before.map { $0.filling == NumberMemory.filling(of: $0.last, bytes: $0.filling.count) } ?? true
        let count = (before?.count ?? 0) + 1
        memory[key] = NumberMemory(
            count: count, last: number, filling: NumberMemory.filling(of: number, bytes: stateBytes))
        try out.collect(NumberedCount(number: number, count: count, previous: before?.last ?? -1, isIntact: isIntact))
    }
}
