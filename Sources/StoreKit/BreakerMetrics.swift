import Metrics
import StreamRuntime

/// How many breakers around one store stand where: they are counted, because a process may have several of one store.
struct BreakerMetrics: Sendable {
    private let closed: Meter
    private let open: Meter
    private let halfOpen: Meter
    /// Open or half-open.
    private let away: Meter

    init(store: String) {
        func meter(_ word: BreakerState.Word) -> Meter {
            Meter(.storeBreakers, [("store", store), ("state", word.rawValue)])
        }
        (closed, open, halfOpen) = (meter(.closed), meter(.open), meter(.halfOpen))
        away = Meter(.storeBreakersOpen, [("store", store)])
    }

    /// A breaker has moved; nil: it was not there, or is no more.
    func moved(from was: BreakerState.Word?, to isNow: BreakerState.Word?) {
        guard was != isNow else { return }
        if let was { count(was, -1.0) }
        if let isNow { count(isNow, 1.0) }
    }

    private func count(_ word: BreakerState.Word, _ change: Double) {
        switch word {
        case .closed: closed.increment(by: change)
        case .open: open.increment(by: change)
        case .halfOpen: halfOpen.increment(by: change)
        }
        if word != .closed { away.increment(by: change) }
    }
}

extension MetricDescription {
    static let storeBreakers = gauge(
        "weir_store_breakers", in: "breakers",
        by: [.ofStore, MetricLabel("state", "where a circuit breaker stands: `closed`, `half-open`, `open`", bound: "3")],
        "Circuit breakers around the store, by where they stand: half-open is one whose probe is on its way.")
    static let storeBreakersOpen = gauge(
        "weir_store_breakers_open", in: "breakers", by: [.ofStore],
        "Circuit breakers that hold the store to be down and let no call pass but a probe.")
}

extension MetricLabel {
    static let ofStore = MetricLabel("store", "the store's or the service's name", bound: "stores a process uses")
}
