/// Why a store could not do what it was asked.
public enum StoreError: Error, Hashable, Sendable {
    /// The store asks for fewer requests. Retry after a growing pause.
    case throttled(String)
    /// Nobody answers, or the answer was a server's own fault. Retry after a growing pause.
    case unavailable(String)
    /// Another transaction held one of the items. Retry soon.
    case conflict(String)
    /// No answer in time: the effect is unknown. Repeating the same call finds out.
    case timeout(String)
    /// The store is well and takes nothing until somebody mends it: a block, an index that is missing, a privilege. Retry
    /// after a growing pause. The text says what is wrong, in words that stay the same: they are shown as long as it lasts.
    case blocked(String)
    /// Repeating will not help: a contradictory request, a missing table, refused credentials, damage.
    case invalid(String)

    /// Whether the same call may succeed later.
    public var isRetryable: Bool {
        if case .invalid = self { return false }
        return true
    }

    /// Whether it says that the store as a whole is in trouble, which a circuit breaker counts. A conflict
    /// over one item, a block or a bad request does not: an answer came.
    public var isOutage: Bool {
        switch self {
        case .throttled, .unavailable, .timeout: true
        case .conflict, .blocked, .invalid: false
        }
    }

    /// A word for metrics and logs.
    public var kind: String {
        switch self {
        case .throttled: "throttled"
        case .unavailable: "unavailable"
        case .conflict: "conflict"
        case .timeout: "timeout"
        case .blocked: "blocked"
        case .invalid: "invalid"
        }
    }
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .throttled(let detail), .unavailable(let detail), .conflict(let detail), .timeout(let detail),
            .blocked(let detail), .invalid(let detail):
            "\(kind): \(detail)"
        }
    }
}
