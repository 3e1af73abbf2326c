import StreamRuntime
import WeirKit

/// A payment that a client may send more than once.
struct Payment: CodableState, Sendable {
    var id: Int64
    var user: Int64
    var cents: Int64
    var timeMillis: Int64

    /// Every tenth payment is sent again a little later: the same id, the same content.
    static func simulated(_ number: Int64) -> Payment {
        let original = number % 10 == 9 ? number - 3 : number
        var dice = Dice(seed: 4, number: original)
        return Payment(
            id: original, user: dice.draw(0..<50), cents: dice.draw(100..<100_000), timeMillis: openingMillis + original * 500)
    }
}

/// Lets each payment through once, though clients send some of them twice.
/// docs/helpers.md#dropping-duplicates
public struct Deduplication: PlainJob {
    public static let name = "deduplication"
    public static let summary = "Lets each payment through once, by its id."

    public init() {}

    public func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: 200) { Payment.simulated($0) }, id: "payments").parallelism(1)
            .deduplicated(by: \.id, for: .hours(1)).id("once")
            .map { "payment \($0.id): user \($0.user) pays \($0.cents) cents" }
            .sink(PrintSink())
    }
}
