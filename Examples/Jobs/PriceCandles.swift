import StreamRuntime
import WeirKit

/// A trade on an exchange; the price in cents.
struct Tick: CodableState, Sendable {
    var symbol: String
    var price: Int64
    var quantity: Int64
    var timeMillis: Int64

    /// Two hundred ticks a minute; one in fifty is half a minute late, one in five hundred a quarter of an hour.
    static func simulated(_ number: Int64) -> Tick {
        var dice = Dice(seed: 3, number: number)
        let symbols = ["AAPL", "MSFT", "NVDA"]
        let index = dice.draw(0..<3)
        var delay = dice.draw(0..<2000)
        if dice.draw(0..<50) == 0 { delay = 30_000 }
        if dice.draw(0..<500) == 0 { delay = 900_000 }
        return Tick(
            symbol: symbols[Int(index)], price: 10_000 * (index + 1) + dice.draw(-200..<200), quantity: dice.draw(1..<100),
            timeMillis: openingMillis + number * 300 - delay)
    }
}

/// Open, high, low, close and volume. Times decide what is first and last, not the order of arrival.
struct Candle: CodableState, Sendable {
    var openedAt = Int64.max
    var open: Int64 = 0
    var high = Int64.min
    var low = Int64.max
    var closedAt = Int64.min
    var close: Int64 = 0
    var volume: Int64 = 0
}

struct CandleOfTicks: Aggregate {
    func empty() -> Candle { Candle() }

    func add(_ tick: Tick, to candle: inout Candle) {
        merge(
            Candle(
                openedAt: tick.timeMillis, open: tick.price, high: tick.price, low: tick.price, closedAt: tick.timeMillis,
                close: tick.price, volume: tick.quantity),
            into: &candle)
    }

    func merge(_ other: Candle, into candle: inout Candle) {
        if other.openedAt < candle.openedAt { (candle.openedAt, candle.open) = (other.openedAt, other.open) }
        if other.closedAt >= candle.closedAt { (candle.closedAt, candle.close) = (other.closedAt, other.close) }
        candle.high = max(candle.high, other.high)
        candle.low = min(candle.low, other.low)
        candle.volume += other.volume
    }

    func result(_ candle: Candle) -> Candle { candle }
}

/// One-minute candles. A tick up to two minutes late corrects its candle, which is printed again; a later one is printed as
/// what it is.
/// docs/windows.md#when-results-come
public struct PriceCandles: PlainJob {
    public static let name = "price-candles"
    public static let summary = "One-minute open/high/low/close candles, corrected by late trades."

    public init() {}

    public func build(_ flow: Flow) {
        let tooLate = SideOutput<Tick>("too-late")
        let candles = flow.source(GeneratorSource(count: 3000) { Tick.simulated($0) }, id: "ticks").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.seconds(5)).everyRecord(), at: \.timeMillis).parallelism(1)
            .keyed(by: \.symbol)
            .window(.tumbling(.minutes(1)))
            .allowedLateness(.minutes(2))
            .lateOutput(tooLate)
            .aggregate(CandleOfTicks()).id("candles")
        let corrections = candles.sideOutput(tooLate)
            .map { "too late: \($0.symbol) \($0.price) at \(clock($0.timeMillis))" }
        candles
            .map { result in
                let candle = result.value
                return "\(clock(result.window.start)) \(result.key) \(candle.open) \(candle.high) \(candle.low) \(candle.close) "
                    + "× \(candle.volume)\(result.pane.timing == .late ? " (corrected)" : "")"
            }
            .union(corrections)
            .sink(PrintSink())
    }
}
