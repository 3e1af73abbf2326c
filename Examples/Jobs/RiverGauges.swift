import StreamRuntime
import WeirKit

/// How high a river stands at one of three gauges.
struct GaugeReading: CodableState, Sendable {
    var gauge: Int64
    var centimetres: Int64
    var timeMillis: Int64
    /// The last reading of a round says so: nothing from before this time comes any more.
    var completeMillis: Int64?

    /// A round every five minutes. The river rises.
    static func simulated(_ number: Int64) -> GaugeReading {
        var dice = Dice(seed: 21, number: number)
        let (gauge, round) = (number % 3, openingMillis + number / 3 * 300_000)
        return GaugeReading(
            gauge: gauge, centimetres: 150 + gauge * 40 + number / 4 + dice.draw(-15..<15),
            timeMillis: round - dice.draw(0..<240_000), completeMillis: gauge == 2 ? round : nil)
    }
}

/// Event time by the word of the readings, not by a guess of how late they may be.
struct EndOfRound: WatermarkGenerator {
    private(set) var watermark = Int64.min

    mutating func observe(_ reading: GaugeReading, at millis: Int64) {
        if let complete = reading.completeMillis { watermark = complete }
    }
}

/// What a gauge has come to so far, how far it swings, the mean of its last readings, and the median of each half hour.
/// docs/event-time.md#watermarks, docs/windows.md#what-is-done-with-a-window, docs/helpers.md#dropping-duplicates
public struct RiverGauges: PlainJob {
    public static let name = "river-gauges"
    public static let summary = "Highest, mean and median levels of a river: keyed reduce, moving counts, custom watermarks."

    public init() {}

    public func build(_ flow: Flow) {
        let readings = flow.source(GeneratorSource(count: 72) { GaugeReading.simulated($0) }, id: "gauges").parallelism(1)
            .watermarks(.custom { EndOfRound() }, at: \.timeMillis).parallelism(1)
        // `reduce` gives the highest reading so far for each reading; what was said once is not said again.
        let highest = readings.keyed(by: \.gauge)
            .reduce { $0.centimetres >= $1.centimetres ? $0 : $1 }.id("highest")
            .map { "gauge \($0.gauge): highest so far is \($0.centimetres) cm, at \(clock($0.timeMillis))" }
            .deduplicated(by: { $0 }, for: .hours(1)).id("news")
        // After every four readings the mean of the last eight: of four, the first time.
        let means = readings.keyed(by: \.gauge)
            .window(.count(8, every: 4))
            .aggregate(Count().and(Sum().over(\.centimetres))).id("means")
            .map { "gauge \($0.key): \($0.value.1 / Int64($0.value.0)) cm in the mean of \($0.value.0) readings" }
        // `aggregate` gives all there was so far; little of it is worth saying.
        let swings = readings.keyed(by: \.gauge)
            .aggregate(Min().over(\.centimetres).and(Max().over(\.centimetres))).id("swings")
            .compactMap { result -> String? in
                guard let low = result.value.0, let high = result.value.1, high - low > 30 else { return nil }
                return "gauge \(result.key): has been as low as \(low) and as high as \(high) cm"
            }
        let medians = readings.keyed(by: \.gauge)
            .window(.tumbling(.minutes(30)))
            .process { window in
                let sorted = window.value.map(\.centimetres).sorted()
                return ["gauge \(window.key): median from \(clock(window.window.start)) is \(sorted[sorted.count / 2]) cm"]
            }.id("medians")
        highest.union(means).union(swings).union(medians).sink(PrintSink())
    }
}
