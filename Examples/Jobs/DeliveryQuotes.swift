import StreamRuntime
import WeirKit

/// A route planner somewhere else.
struct RoutePlanner: Sendable {
    private static let kilometres: [Int64] = [430, 1520, 2010, 0, 1680, 740]

    func kilometres(to town: Int) async throws -> Int64 {
        try await Task.sleep(for: .milliseconds(2))
        return Self.kilometres[town]
    }
}

/// What a parcel costs, by its way. Nothing is asked for parcels that stay in town, and parcels of one town that are in flight
/// together share one request.
struct QuoteParcel: AsyncFunction {
    let perform: @Sendable (_ town: Int) async throws -> Int64

    init(_ planner: RoutePlanner) { perform = { try await planner.kilometres(to: $0) } }

    func request(_ parcel: Parcel) -> AsyncRequest<Int, String> {
        Parcel.towns[parcel.town] == "Lyon" ? .known(quote(parcel, 250)) : .ask(parcel.town)
    }

    func shared(_ town: Int) -> Int? { town }

    func complete(_ parcel: Parcel, _ kilometres: Int64) -> String {
        quote(parcel, 400 + kilometres * (1000 + parcel.grams) / 20_000)
    }

    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict { attempt < 5 ? .retry(afterMillis: 20) : .fail }

    private func quote(_ parcel: Parcel, _ cents: Int64) -> String {
        "parcel \(parcel.id), \(parcel.grams) g to \(Parcel.towns[parcel.town]): \(decimal(cents))"
    }
}

/// Prices parcels by asking a route planner, with a function of one's own instead of `asyncMap`.
/// docs/async.md
public struct DeliveryQuotes: PlainJob {
    public static let name = "delivery-quotes"
    public static let summary = "Prices parcels by asking a route planner, once for all parcels of a town that wait together."

    public init() {}

    public func build(_ flow: Flow) {
        let planner = RoutePlanner()
        flow.source(GeneratorSource(count: 200) { Parcel.simulated($0) }, id: "parcels").parallelism(1)
            .asyncProcess("quotes", .ordered, AsyncOptions(capacity: 50, timeout: .seconds(10))) { _ in QuoteParcel(planner) }
            .sink(PrintSink())
    }
}
