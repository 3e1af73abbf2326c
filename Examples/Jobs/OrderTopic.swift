import ConnectorLog
import StreamRuntime
import WeirKit

/// Counts orders of each item, behind a topic from which other jobs can read them too. The topic is in an embedded log: a
/// folder, no server. It has no end, and so the job runs until it is stopped; the next run goes on where this one was.
/// docs/helpers.md#through-a-topic
///
///     weir run order-topic --set order-topic.log=/tmp/orders
public struct OrderTopic: ConfiguredJob {
    public static let name = "order-topic"
    public static let summary = "Counts orders behind a topic of an embedded log; runs until it is stopped."
    static let log = Setting.string("order-topic.log", default: "data/order-topic", help: "The folder of the embedded log.")
    public static let configurationKeys = [log.key]

    private let path: String

    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) { path = configuration[Self.log] }

    public func build(_ flow: Flow) throws {
        let log = try LogStore.shared(at: path)
        let sink = LogSink<ShopOrder>(log, topic: "shop-orders") { order, record in
            record.setKey("\(order.id)")
            record.setValue(order.item)
            record.timestampMillis = order.timeMillis
        }
        let source = LogSource(log, topics: ["shop-orders"]) { record in
            ShopOrder(id: Int64(record.keyText ?? "") ?? 0, item: record.valueText ?? "", timeMillis: record.timestampMillis)
        }
        flow.source(GeneratorSource(count: 120) { ShopOrder.simulated($0) }, id: "orders").parallelism(1)
            .through("shop-orders", sink: sink, source: source)
            .keyed(by: \.item)
            .fold(0) { count, _ in count += 1 }.id("counts")
            .map { "\($0.key) \($0.value)" }
            .sink(PrintSink())
    }
}
