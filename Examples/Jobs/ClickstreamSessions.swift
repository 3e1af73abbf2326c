import StreamRuntime
import WeirKit

/// A page view.
struct Click: CodableState, Sendable {
    var user: Int64
    var page: String
    var timeMillis: Int64

    /// Visitors come in bursts of a few pages, and pause for minutes in between; some clicks arrive out of order.
    static func simulated(_ number: Int64) -> Click {
        var dice = Dice(seed: 1, number: number / 4)
        let user = dice.draw(0..<20)
        let visit = openingMillis + number / 4 * 15_000
        var detail = Dice(seed: 2, number: number)
        return Click(
            user: user, page: detail.pick(["/", "/search", "/item", "/cart", "/pay"]),
            timeMillis: visit + number % 4 * 4000 - detail.draw(0..<3000))
    }
}

/// One visit, from the first page to the last.
struct Visit: CodableState, Sendable {
    var first: Int64 = .max
    var last: Int64 = .min
    var pages = 0
    var hasPaid = false
}

/// Folds clicks into visits; two sessions that turn out to be one are merged.
struct VisitOfClicks: Aggregate {
    func empty() -> Visit { Visit() }

    func add(_ click: Click, to visit: inout Visit) {
        visit.first = min(visit.first, click.timeMillis)
        visit.last = max(visit.last, click.timeMillis)
        visit.pages += 1
        visit.hasPaid = visit.hasPaid || click.page == "/pay"
    }

    func merge(_ other: Visit, into visit: inout Visit) {
        visit.first = min(visit.first, other.first)
        visit.last = max(visit.last, other.last)
        visit.pages += other.pages
        visit.hasPaid = visit.hasPaid || other.hasPaid
    }

    func result(_ visit: Visit) -> Visit { visit }
}

/// Groups clicks into visits: a visitor who does nothing for a minute has left.
/// docs/windows.md#sessions
public struct ClickstreamSessions: PlainJob {
    public static let name = "clickstream-sessions"
    public static let summary = "Groups page views into visits with session windows."

    public init() {}

    public func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: 600) { Click.simulated($0) }, id: "clicks").parallelism(1)
            .watermarks(.boundedOutOfOrderness(.seconds(30)), at: \.timeMillis).parallelism(1)
            .keyed(by: \.user)
            .window(.session(gap: .minutes(1)))
            .aggregate(VisitOfClicks()).id("visits")
            .map { result in
                let visit = result.value
                return "\(clock(visit.first)) user \(result.key): \(visit.pages) pages in \((visit.last - visit.first) / 1000) s"
                    + (visit.hasPaid ? ", paid" : "")
            }
            .sink(PrintSink())
    }
}
