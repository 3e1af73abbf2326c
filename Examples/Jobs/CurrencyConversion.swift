import StreamRuntime
import WeirKit

/// A payment in another currency, in hundredths of it.
struct ForeignPayment: CodableState, Sendable {
    var id: Int64
    var currency: String
    var cents: Int64
    var timeMillis: Int64

    /// One every twenty seconds.
    static func simulated(_ number: Int64) -> ForeignPayment {
        var dice = Dice(seed: 10, number: number)
        return ForeignPayment(
            id: number, currency: dice.pick(["USD", "GBP", "CHF"]), cents: dice.draw(500..<50_000),
            timeMillis: openingMillis + number * 20_000)
    }
}

/// What a currency is worth from a time on, until its next rate; or that it is not traded from then on.
struct ExchangeRate: CodableState, Sendable {
    var currency: String
    /// For 10 000 of the currency.
    var euros: Int64
    var isSuspended: Bool
    var timeMillis: Int64

    /// One every thirty seconds, up to fifty late; one in eight suspends its currency.
    static func simulated(_ number: Int64) -> ExchangeRate {
        var dice = Dice(seed: 11, number: number)
        return ExchangeRate(
            currency: dice.pick(["USD", "GBP", "CHF"]), euros: dice.draw(8500..<11_500), isSuspended: dice.draw(0..<8) == 0,
            timeMillis: openingMillis + number * 30_000 - dice.draw(0..<50_000))
    }
}

/// Converts each payment at the rate that was valid when it was made, whichever of the two streams is read faster.
/// docs/joins.md#temporal-join
public struct CurrencyConversion: PlainJob {
    public static let name = "currency-conversion"
    public static let summary = "Converts payments at the rate that was valid when they were made: a temporal join."

    public init() {}

    public func build(_ flow: Flow) {
        let payments = flow.source(GeneratorSource(count: 90) { ForeignPayment.simulated($0) }, id: "payments").parallelism(1)
            .watermarks(.monotonic(), at: \.timeMillis).id("payment-time").parallelism(1)
        let rates = flow.source(GeneratorSource(count: 60) { ExchangeRate.simulated($0) }, id: "rates").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.minutes(1)), at: \.timeMillis).id("rate-time").parallelism(1)
        payments.keyed(by: \.currency).joined(with: rates.keyed(by: \.currency))
            .temporalJoin(removedWhen: \.isSuspended)
            .left { payment, rate in
                let sum = "payment \(payment.id): \(decimal(payment.cents)) \(payment.currency)"
                guard let rate else { return "\(sum) cannot be converted: there is no rate" }
                return "\(sum) are \(decimal(payment.cents * rate.euros / 10_000)) EUR at \(rate.euros)"
            }.id("conversion")
            .sink(PrintSink())
    }
}
