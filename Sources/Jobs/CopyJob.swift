import ConnectorKafka
import ConnectorLog
import StreamRuntime

/// Copies a topic to another, exactly once: the smallest job that goes from broker to broker, used by
/// drills and benchmarks, and good for mirroring.
public struct CopyJob: StreamJob {
    public static let name = "copy"
    public static let summary = "Copies one topic to another, exactly once."

    private let transport: TradingTransport
    private let from: String
    private let to: String
    private let groupID: String

    public init(transport: TradingTransport, from: String, to: String, groupID: String = "copy") {
        self.transport = transport
        self.from = from
        self.to = to
        self.groupID = groupID
    }

    public func build(_ flow: Flow) {
        let to = to
        switch transport {
        case .log(let store):
            flow.source(
                LogSource<OutgoingRecord>(store, topics: [from]) { record in
                    OutgoingRecord(topic: to, key: record.key.map { Array($0) }, value: record.value.map { Array($0) })
                }, id: "input"
            )
            .map { $0 }.id("records").sink(OutgoingRecord.sink(store, to), id: "output")
        case .kafka(let configuration, let transactions):
            flow.source(
                KafkaSource<OutgoingRecord>(configuration, topics: [from], groupID: groupID, start: .earliest) { record in
                    OutgoingRecord(topic: to, key: record.key.map { Array($0) }, value: record.value.map { Array($0) })
                }, id: "input"
            )
            .map { $0 }.id("records").sink(OutgoingRecord.sink(configuration, transactions, to), id: "output")
        }
    }
}
