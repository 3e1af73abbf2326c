/// A circuit breaker's state machine. Pure: time is passed in, milliseconds of any steady clock.
///
/// ```
///            failuresMax outages in a row
///   CLOSED ────────────────────────────────► OPEN (refuses until its time is over)
///     ▲                                     │  ▲
///     │ a probe succeeds         time over  │  │ a probe fails (the pause doubles)
///     └───────────── HALF-OPEN ◄────────────┘  │
///                        └─────────────────────┘
/// ```
public struct BreakerState: Hashable, Sendable {
    /// Bounds.
    public struct Settings: Hashable, Sendable {
        /// Outages in a row that open it.
        public var failuresMax = 5
        /// The first pause, and the longest.
        public var pauseMillisMin: Int64 = 500
        public var pauseMillisMax: Int64 = 30_000

        public init() {}
    }

    /// Where it is.
    public enum Phase: Hashable, Sendable {
        /// Everything passes; that many outages in a row so far.
        case closed(failures: Int)
        /// Nothing passes before that time.
        case open(untilMillis: Int64)
        /// One call is out to probe; should it never come back, another may at that time.
        case halfOpen(probeUntilMillis: Int64)

        /// As metrics call it.
        var word: Word {
            switch self {
            case .closed: .closed
            case .open: .open
            case .halfOpen: .halfOpen
            }
        }
    }

    /// A phase without its figures.
    enum Word: String, CaseIterable, Sendable {
        case closed
        case open
        case halfOpen = "half-open"
    }

    /// Whether a call may go out.
    public enum Admission: Hashable, Sendable {
        case allowed
        case refused(retryAtMillis: Int64)
    }

    public let settings: Settings
    public private(set) var phase = Phase.closed(failures: 0)
    private var pauseMillis: Int64

    /// Whether the store is held to be in trouble.
    public var isOpen: Bool {
        if case .closed = phase { return false }
        return true
    }

    /// A closed breaker.
    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        pauseMillis = settings.pauseMillisMin
    }

    /// Asks to send a call. An admitted one must be followed by `succeeded`, `failed` or `abandoned`.
    public mutating func admit(nowMillis: Int64) -> Admission {
        switch phase {
        case .closed:
            return .allowed
        case .open(let untilMillis), .halfOpen(let untilMillis):
            if nowMillis < untilMillis { return .refused(retryAtMillis: untilMillis) }
            phase = .halfOpen(probeUntilMillis: nowMillis + settings.pauseMillisMax)
            return .allowed
        }
    }

    /// The store answered (a refusal that is not an outage is an answer too).
    public mutating func succeeded() {
        // An answer to a call from before it opened says nothing about now.
        if case .open = phase { return }
        phase = .closed(failures: 0)
        pauseMillis = settings.pauseMillisMin
    }

    /// The store was in trouble.
    public mutating func failed(nowMillis: Int64) {
        switch phase {
        case .closed(let failures):
            if failures + 1 >= settings.failuresMax {
                phase = .open(untilMillis: nowMillis + pauseMillis)
            } else {
                phase = .closed(failures: failures + 1)
            }
        case .halfOpen:
            pauseMillis = min(pauseMillis * 2, settings.pauseMillisMax)
            phase = .open(untilMillis: nowMillis + pauseMillis)
        case .open:
            break
        }
    }

    /// Whoever called did not wait for the answer: that says nothing about the store. Another call may probe at once.
    public mutating func abandoned(nowMillis: Int64) {
        if case .halfOpen = phase { phase = .open(untilMillis: nowMillis) }
    }
}
