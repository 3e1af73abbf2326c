import StreamRuntime
import WeirKit

struct ShopOrder: CodableState, Sendable {
    var id: Int64
    var item: String
    var timeMillis: Int64

    static func simulated(_ number: Int64) -> ShopOrder {
        var dice = Dice(seed: 6, number: number)
        return ShopOrder(
            id: number, item: dice.pick(["book", "lamp", "chair", "tea"]), timeMillis: openingMillis + number * 10_000)
    }
}

struct Shipment: CodableState, Sendable {
    var order: Int64
    var timeMillis: Int64

    /// Most orders leave within four hours, one in eight later, one in ten never.
    static func simulated(_ number: Int64) -> Shipment {
        var dice = Dice(seed: 7, number: number)
        if dice.draw(0..<10) == 0 { return Shipment(order: -1 - number, timeMillis: openingMillis + number * 10_000) }
        let hours = dice.draw(0..<8) == 0 ? 6 : dice.draw(0..<4)
        return Shipment(order: number, timeMillis: openingMillis + number * 10_000 + hours * 3_600_000 + 60_000)
    }
}

/// Joins orders with their shipments, and reports the orders that did not leave within four hours.
/// docs/joins.md#interval-join
public struct OrdersWithShipments: PlainJob {
    public static let name = "orders-with-shipments"
    public static let summary = "Joins orders with shipments of the next four hours; reports those without."

    public init() {}

    public func build(_ flow: Flow) {
        let orders = flow.source(GeneratorSource(count: 120) { ShopOrder.simulated($0) }, id: "orders").parallelism(1)
            .watermarks(.monotonic(), at: \.timeMillis).id("order-time").parallelism(1)
        let shipments = flow.source(GeneratorSource(count: 120) { Shipment.simulated($0) }, id: "shipments").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.hours(7)), at: \.timeMillis).id("shipment-time").parallelism(1)
        orders.keyed(by: \.id).joined(with: shipments.keyed(by: \.order))
            .intervalJoin(between: .zero, and: .hours(4))
            .left { order, shipment in
                guard let shipment else { return "order \(order.id) (\(order.item)) was not shipped within four hours" }
                return
                    "order \(order.id) (\(order.item)) was shipped after \((shipment.timeMillis - order.timeMillis) / 60_000) min"
            }.id("join")
            .sink(PrintSink())
    }
}
