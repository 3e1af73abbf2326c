import StreamRuntime
import WeirKit

/// An order as the market answered it.
struct AnsweredOrder: CodableState, Sendable {
    var user: Int64
    var isRejected: Bool
    var timeMillis: Int64

    /// Every order fails with a chance of one in twenty; users 3 and 8 try things that fail in series.
    static func simulated(_ number: Int64) -> AnsweredOrder {
        var dice = Dice(seed: 8, number: number)
        let isProbe = number % 200 < 8 && number % 2 == 0
        let user = isProbe ? (number / 200 % 2 == 0 ? 3 : 8) : dice.draw(0..<40)
        return AnsweredOrder(
            user: user, isRejected: isProbe || dice.draw(0..<20) == 0,
            timeMillis: openingMillis + number * 1000 - dice.draw(0..<2000))
    }
}

/// Reports users with three rejected orders within a minute.
/// docs/patterns.md
public struct FraudPattern: PlainJob {
    public static let name = "fraud-pattern"
    public static let summary = "Reports users with three rejected orders within a minute."

    public init() {}

    public func build(_ flow: Flow) {
        let probing = Pattern<AnsweredOrder>.begin("rejected") { $0.isRejected }.times(3)
            .within(.minutes(1))
            .skipping(.skipPastLastEvent)
        flow.source(GeneratorSource(count: 2000) { AnsweredOrder.simulated($0) }, id: "orders").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.seconds(5)), at: \.timeMillis).parallelism(1)
            .keyed(by: \.user)
            .pattern(probing)
            .select { match in
                let times = match["rejected"].map { clock($0.timeMillis) }.joined(separator: ", ")
                return "user \(match["rejected"][0].user): rejected at \(times)"
            }.id("probing")
            .sink(PrintSink())
    }
}
