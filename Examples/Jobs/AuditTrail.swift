import StreamRuntime
import WeirKit

/// A call of a web service.
struct ServiceCall: CodableState, Sendable {
    var id: Int64
    var user: Int64
    var route: String

    static func simulated(_ number: Int64) -> ServiceCall {
        var dice = Dice(seed: 20, number: number)
        return ServiceCall(id: number, user: dice.draw(0..<40), route: dice.pick(["/search", "/item", "/cart", "/pay"]))
    }
}

/// An archive somewhere else that stores many calls at once, and gives a receipt for each.
struct CallArchive: Sendable {
    func store(_ calls: [ServiceCall]) async throws -> [String] {
        try await Task.sleep(for: .milliseconds(2))
        return calls.map { "archived: call \($0.id) of user \($0.user)" }
    }
}

/// Keeps all calls of some users, and gives a few of all users to people who read them.
/// docs/helpers.md#sampling, docs/sinks.md#a-store-of-your-own
public struct AuditTrail: PlainJob {
    public static let name = "audit-trail"
    public static let summary = "Samples calls for an audit: by user or every fiftieth, in batches, at a bounded rate."

    public init() {}

    public func build(_ flow: Flow) {
        let archive = CallArchive()
        let calls = flow.source(GeneratorSource(count: 600) { ServiceCall.simulated($0) }, id: "calls").parallelism(1)
        // About every fourth user, with all there is of them. The archive's answers are part of the stream.
        calls.sampled(fraction: 0.25, by: \.user)
            .batched(BatchLimits(countMax: 20, ageMax: .milliseconds(50))).id("batches")
            .asyncMap(.unordered, AsyncOptions(capacity: 4, timeout: .seconds(5)), failures: .retry(upTo: 5)) { batch in
                try await archive.store(batch)
            }.id("archive")
            .flatMap { $0 }
            .sink(PrintSink())
        // Every fiftieth call, and not more than fifty in a second: people read them. Nobody waits for an answer.
        calls.sampled(oneIn: 50).id("sample").parallelism(1)
            .rateLimited(perSecond: 50, burst: 5).id("pace")
            .sink(
                BatchingSink(BatchingOptions(BatchLimits(countMax: 5, ageMax: .milliseconds(50)))) { (batch: [ServiceCall]) in
                    let lines = batch.map { "to read: call \($0.id), \($0.route) by user \($0.user)\n" }
                    try StandardOutput.write(Array(lines.joined().utf8))
                }, id: "readers")
    }
}
