import StreamRuntime
import WeirKit

/// A user of a shop puts an item into the cart, or pays (`item` is `nil`).
struct CartEvent: CodableState, Sendable {
    var user: Int64
    var item: String?
    var cents: Int64
    var timeMillis: Int64

    /// One every twenty seconds; one in four pays.
    static func simulated(_ number: Int64) -> CartEvent {
        var dice = Dice(seed: 14, number: number)
        let isPayment = dice.draw(0..<4) == 0
        return CartEvent(
            user: dice.draw(0..<30), item: isPayment ? nil : dice.pick(["book", "lamp", "chair", "tea"]),
            cents: isPayment ? 0 : dice.draw(300..<9000), timeMillis: openingMillis + number * 20_000)
    }
}

/// Remembers what is in each cart, and sets an alarm clock that every event puts off.
struct RemindOfCart: KeyedProcessFunction {
    typealias Output = String
    private static let patienceMillis: Int64 = 30 * 60_000

    private let items: ExpiringListState<Int64, String>
    private let worth: ExpiringAggregatingState<Int64, Sum<Int64>>
    private let dearest: ExpiringReducingState<Int64, Int64>
    private let due: ValueState<Int64, Int64>

    /// Whatever happens, no cart is kept for longer than a week after its last change.
    init(_ state: KeyedStateContext<Int64>) throws {
        let week = StateTTL(.days(7))
        items = try state.list("items", String.self, ttl: week)
        worth = try state.aggregating("worth", Sum<Int64>(), ttl: week)
        dearest = try state.reducing("dearest", Int64.self, ttl: week) { max($0, $1) }
        due = try state.value("due", Int64.self)
    }

    mutating func process<Out: Collector>(
        _ event: CartEvent, key user: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        if let time = due[user] {
            context.timers.deleteEventTime(at: time, for: user)
            // The watermark comes a little after the records: what was due before this one is said now.
            if time < event.timeMillis { try remind(user, at: time, into: &out) }
        }
        guard let item = event.item else { return forget(user) }
        items.append(item, for: user)
        worth.add(event.cents, for: user)
        dearest.add(event.cents, for: user)
        due[user] = event.timeMillis + Self.patienceMillis
        context.timers.registerEventTime(at: event.timeMillis + Self.patienceMillis, for: user)
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key user: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String { try remind(user, at: millis, into: &out) }

    private func remind<Out: Collector>(_ user: Int64, at millis: Int64, into out: inout Out) throws where Out.Element == String {
        let (list, sum, most) = (items[user].joined(separator: ", "), worth[user] ?? 0, dearest[user] ?? 0)
        try out.collect(
            "\(clock(millis)) user \(user) left \(list) in the cart: \(decimal(sum)) in all, \(decimal(most)) the dearest")
        forget(user)
    }

    private func forget(_ user: Int64) {
        items.remove(user)
        worth.remove(user)
        dearest.remove(user)
        due.remove(user)
    }
}

/// Reminds users who have put something into the cart, and then neither added to it nor paid for half an hour.
/// docs/state.md#kinds, docs/event-time.md#timers
public struct AbandonedCarts: PlainJob {
    public static let name = "abandoned-carts"
    public static let summary = "Reminds users of carts they left for half an hour: a function with state and timers."

    public init() {}

    public func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: 400) { CartEvent.simulated($0) }, id: "carts").parallelism(1)
            .watermarks(.monotonic(), at: \.timeMillis).parallelism(1)
            .keyed(by: \.user)
            .process { try RemindOfCart($0) }.id("reminders")
            .sink(PrintSink())
    }
}
