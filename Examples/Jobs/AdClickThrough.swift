import StreamRuntime
import WeirKit

/// An advertisement was shown.
struct Impression: CodableState, Sendable {
    var ad: Int64
    var timeMillis: Int64

    /// Four a second, up to two seconds late.
    static func simulated(_ number: Int64) -> Impression {
        var dice = Dice(seed: 12, number: number)
        return Impression(ad: dice.draw(0..<6), timeMillis: openingMillis + number * 250 - dice.draw(0..<2000))
    }
}

/// Somebody clicked on it.
struct AdClick: CodableState, Sendable {
    var ad: Int64
    var timeMillis: Int64

    /// One of every eight impressions is clicked on, within twenty seconds.
    static func simulated(_ number: Int64) -> AdClick {
        var dice = Dice(seed: 13, number: number)
        let impression = Impression.simulated(number * 8 + dice.draw(0..<8))
        return AdClick(ad: impression.ad, timeMillis: impression.timeMillis + dice.draw(1000..<20_000))
    }
}

/// What came of an advertisement in a minute.
struct AdMinute: CodableState, Sendable {
    var ad: Int64
    var shown: Int64
    var clicked: Int64
    var minuteMillis: Int64

    var clicksPerThousand: Int64 { shown == 0 ? 0 : clicked * 1000 / shown }
}

/// Counts impressions and clicks of each advertisement and minute, then names the two that did best.
/// docs/joins.md#window-join, docs/helpers.md#the-greatest-of-a-window
public struct AdClickThrough: PlainJob {
    public static let name = "ad-click-through"
    public static let summary = "Clicks per impression of each advertisement and minute: a window join, then the best two."

    public init() {}

    public func build(_ flow: Flow) {
        let impressions = flow.source(GeneratorSource(count: 1200) { Impression.simulated($0) }, id: "impressions").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.seconds(5)), at: \.timeMillis).id("impression-time").parallelism(1)
        let clicks = flow.source(GeneratorSource(count: 150) { AdClick.simulated($0) }, id: "clicks").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.seconds(30)), at: \.timeMillis).id("click-time").parallelism(1)
        let minutes = impressions.keyed(by: \.ad).joined(with: clicks.keyed(by: \.ad))
            .windowJoin(.tumbling(.minutes(1)))
            .coGroup { group in
                let (shown, clicked) = (group.value.first.count, group.value.second.count)
                return [AdMinute(ad: group.key, shown: Int64(shown), clicked: Int64(clicked), minuteMillis: group.window.start)]
            }.id("click-through")
        let best =
            minutes
            .windowAll(.tumbling(.minutes(1)))
            .topN(2) { $0.clicksPerThousand * 1000 - $0.ad }.id("best")
            .map { result in
                let ads = result.value.map { "ad \($0.ad)" }.joined(separator: ", ")
                return "\(clock(result.window.start)) best: \(ads)"
            }
        minutes
            .map { "\(clock($0.minuteMillis)) ad \($0.ad): shown \($0.shown) times, clicked on \($0.clicked) times" }
            .union(best)
            .sink(PrintSink())
    }
}
