import StreamRuntime
import Synchronization
import WeirKit

/// Somebody wants to borrow money.
struct LoanRequest: CodableState, Sendable {
    var id: Int64
    var customer: Int64
    var euros: Int64

    static func simulated(_ number: Int64) -> LoanRequest {
        var dice = Dice(seed: 17, number: number)
        return LoanRequest(id: number, customer: dice.draw(0..<20), euros: dice.draw(1..<10) * 1000)
    }
}

/// A credit bureau somewhere else. It is too busy for every fifth loan when it is asked first, and two it never answers.
final class CreditBureau: Sendable {
    struct Busy: Error {}
    private let turnedAway = Mutex<Set<Int64>>([])

    func limit(for loan: LoanRequest) async throws -> Int64 {
        if loan.id % 5 == 0, turnedAway.withLock({ $0.insert(loan.id).inserted }) { throw Busy() }
        try await Task.sleep(for: loan.id == 13 || loan.id == 31 ? .seconds(3600) : .milliseconds(1))
        return 10_000 + loan.customer % 4 * 5000
    }
}

/// Decides about a loan by what the bureau says and what the customer owes already. Loans of one customer are looked at one
/// after the other, in their order; those of others meanwhile.
struct CreditCheck: KeyedAsyncFunction {
    typealias Output = String
    private let owed: DefaultedState<Int64, Int64>
    let perform: @Sendable (LoanRequest) async throws -> Int64

    init(_ state: KeyedStateContext<Int64>, _ bureau: CreditBureau) throws {
        owed = try state.value("owed", default: 0)
        perform = { try await bureau.limit(for: $0) }
    }

    func request(_ loan: LoanRequest, key customer: Int64) -> LoanRequest { loan }

    func complete<Out: Collector>(_ loan: LoanRequest, key customer: Int64, _ limit: Int64, into out: inout Out) throws
    where Out.Element == String {
        let sum = owed[customer] + loan.euros
        if sum <= limit { owed[customer] = sum }
        let verdict = sum <= limit ? "granted" : "declined"
        try out.collect("loan \(loan.id): \(loan.euros) \(verdict), customer \(customer) owes \(owed[customer]) of \(limit)")
    }

    /// Three attempts for each loan, whatever it was that went wrong.
    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
        attempt < 3 ? .retry(afterMillis: Backoff().millis(attempt: attempt)) : .fail
    }

    /// A bureau that does not answer is no reason to stop: a colleague decides. Any other error fails the attempt.
    func recover<Out: Collector>(
        _ loan: LoanRequest, key customer: Int64, from error: any Error, into out: inout Out
    ) throws -> Bool where Out.Element == String {
        guard error is AsyncTimeout else { return false }
        try out.collect("loan \(loan.id): \(loan.euros) for customer \(customer) must be looked at by a colleague")
        return true
    }
}

/// Where letters are handed in; the answer is what was posted.
struct PostOffice: Sendable {
    func post(_ letter: String) async throws -> String {
        try await Task.sleep(for: .milliseconds(1))
        return "posted: \(letter)"
    }
}

/// Decides about loans and posts the decisions.
/// docs/async.md
public struct CreditChecks: PlainJob {
    public static let name = "credit-checks"
    public static let summary = "Decides about loans by asking a bureau: keyed state, retries, time-outs, a fallback."

    public init() {}

    public func build(_ flow: Flow) {
        let (bureau, office) = (CreditBureau(), PostOffice())
        flow.source(GeneratorSource(count: 100) { LoanRequest.simulated($0) }, id: "loans").parallelism(1)
            .keyed(by: \.customer)
            .asyncProcess(AsyncOptions(capacity: 100, timeout: .seconds(1))) { try CreditCheck($0, bureau) }.id("decisions")
            .asyncMap(.unordered, AsyncOptions(capacity: 20, timeout: .seconds(5)), failures: .retry(upTo: 5)) { letter in
                try await office.post(letter)
            }.id("letters")
            .sink(PrintSink())
    }
}
