import Metrics
import Synchronization

/// What became of spans. Any thread.
final class TracingMetrics: Sendable {
    enum Loss: String, CaseIterable {
        /// They ended faster than they could be delivered.
        case queueFull = "queue-full"
        /// The collector did not take them, and repeating would not help.
        case refused
        /// The collector was away for too long.
        case undelivered
    }

    private let exported = Counter(label: "weir_tracing_spans_exported_total")
    private let losses: [Loss: Counter] = Dictionary(
        uniqueKeysWithValues: Loss.allCases.map {
            ($0, Counter(label: "weir_tracing_spans_dropped_total", dimensions: [("reason", $0.rawValue)]))
        })
    private let counts = Mutex(OTLPTracing.Counts())

    var current: OTLPTracing.Counts { counts.withLock { $0 } }

    func exported(_ count: Int) {
        guard count > 0 else { return }
        exported.increment(by: count)
        counts.withLock { $0.exported += count }
    }

    func dropped(_ count: Int, _ loss: Loss) {
        guard count > 0 else { return }
        losses[loss]?.increment(by: count)
        counts.withLock { counts in
            switch loss {
            case .queueFull: counts.droppedQueueFull += count
            case .refused: counts.droppedRefused += count
            case .undelivered: counts.droppedUndelivered += count
            }
        }
    }
}

extension OTLPTracing {
    /// Spans since the start, by what became of them.
    public struct Counts: Hashable, Sendable {
        public internal(set) var exported = 0
        /// They ended faster than they could be delivered.
        public internal(set) var droppedQueueFull = 0
        /// The collector did not take them.
        public internal(set) var droppedRefused = 0
        /// The collector was away for too long.
        public internal(set) var droppedUndelivered = 0

        public var dropped: Int { droppedQueueFull + droppedRefused + droppedUndelivered }
    }
}
