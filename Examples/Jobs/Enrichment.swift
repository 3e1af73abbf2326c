import StreamRuntime
import WeirKit

/// A customer directory somewhere else, with its delays; it does not know everybody.
struct CustomerDirectory: Sendable {
    func name(of customer: Int64) async throws -> String? {
        try await Task.sleep(for: .milliseconds(2))
        return customer % 7 == 0 ? nil : "customer-\(customer)"
    }
}

/// Adds customers' names to purchases, asking a directory: at most once per customer and ten minutes.
/// docs/async.md#lookups
public struct Enrichment: PlainJob {
    public static let name = "enrichment"
    public static let summary = "Adds customers' names to purchases by asynchronous, cached lookups."

    public init() {}

    public func build(_ flow: Flow) {
        let directory = CustomerDirectory()
        flow.source(GeneratorSource(count: 300) { Payment.simulated($0) }, id: "purchases").parallelism(1)
            .enriched(
                by: \.user, fallback: "unknown", cache: LookupCache(maxEntries: 1000, ttl: .minutes(10)),
                fetch: { try await directory.name(of: $0) },
                join: { purchase, name in "purchase \(purchase.id): \(name) pays \(purchase.cents) cents" }
            ).id("names")
            .sink(PrintSink())
    }
}
