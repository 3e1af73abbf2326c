/// What a simulation has seen. A value.
package struct SimulationReport: Sendable {
    /// Orders that users meant to place, each once.
    package var placed = 0
    package var accepted = 0
    /// Refused with a reason that is final, by problem.
    package var refused: [String: Int] = [:]
    /// Nonsense that was accepted all the same: must be 0.
    package var nonsenseAccepted = 0
    /// Attempts repeated because there was no answer, or one that asks for it.
    package var retries = 0
    /// Orders given up after all attempts: whether they count is not known.
    package var unanswered = 0
    /// Requests sent once more although answered, and how many of them were answered otherwise: must be 0.
    package var duplicates = 0
    package var duplicatesAnsweredOtherwise = 0
    /// Other orders under a used key, and how many of them were not refused: must be 0.
    package var conflicts = 0
    package var conflictsNotRefused = 0
    /// What became of accepted orders that were asked for at the end.
    package var filled = 0
    package var rejected: [String: Int] = [:]
    package var pending = 0
    /// Of accepted orders in milliseconds, retries included.
    package var latencies: [Int32] = []

    package init() {}

    /// Whether everything was as it must be.
    package var isSound: Bool {
        nonsenseAccepted == 0 && duplicatesAnsweredOtherwise == 0 && conflictsNotRefused == 0
    }

    /// The time that `share` of the accepted orders took at most.
    package func millis(_ share: Double) -> Int32 {
        let sorted = latencies.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    package var text: String {
        func list(_ counts: [String: Int]) -> String {
            counts.isEmpty ? "none" : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
        return """
            placed       \(placed) orders: \(accepted) accepted, \(refused.values.reduce(0, +)) refused, \(unanswered) without an answer
            refused      \(list(refused)); \(nonsenseAccepted) senseless ones accepted
            retries      \(retries) attempts repeated; \(duplicates) answered requests sent again, \(duplicatesAnsweredOtherwise) answered otherwise
            conflicts    \(conflicts) other orders under a used key, \(conflictsNotRefused) not refused
            outcomes     \(filled) filled, rejected: \(list(rejected)), \(pending) still pending
            latency      p50 \(millis(0.5)) ms, p99 \(millis(0.99)) ms, p99.9 \(millis(0.999)) ms from placing to acceptance
            """
    }
}
