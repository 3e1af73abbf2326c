/// What a metric is: the one place where its name, type, unit, labels and meaning are written. It is registered with this
/// (`MetricRegistry.counter(_:labels:)` and the others), and what operators read about it is made from it.
///
/// Names follow Prometheus: `weir_`, what is measured, a base unit (`_seconds`, `_bytes`), and `_total` for counters.
public struct MetricDescription: Sendable, Hashable {
    public let name: String
    public let kind: MetricRegistry.Kind
    /// `seconds`, `bytes`, or what is counted.
    public let unit: String
    /// What it says, as a sentence: the help text.
    public let help: String
    public let labels: [MetricLabel]
    /// Of a histogram's buckets, in `unit`; else empty.
    public let bounds: [Double]

    private init(
        _ name: String, _ kind: MetricRegistry.Kind, _ unit: String, _ labels: [MetricLabel], _ bounds: [Double], _ help: String
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
        self.labels = labels
        self.bounds = bounds
    }

    public static func counter(_ name: String, in unit: String, by labels: [MetricLabel] = [], _ help: String) -> Self {
        Self(name, .counter, unit, labels, [], help)
    }

    public static func gauge(_ name: String, in unit: String, by labels: [MetricLabel] = [], _ help: String) -> Self {
        Self(name, .gauge, unit, labels, [], help)
    }

    public static func histogram(
        _ name: String, in unit: String = "seconds", by labels: [MetricLabel] = [],
        bounds: [Double] = MetricRegistry.durationBounds, _ help: String
    ) -> Self {
        Self(name, .histogram, unit, labels, bounds, help)
    }

    /// Quantiles of durations.
    public static func summary(_ name: String, by labels: [MetricLabel] = [], _ help: String) -> Self {
        Self(name, .summary, "seconds", labels, [], help)
    }
}

/// A label of metrics: what its values are, and why there are not many of them. A label without a bound would let a scraped
/// process grow without limit, so none is made of what records hold.
public struct MetricLabel: Sendable, Hashable {
    public let name: String
    public let meaning: String
    /// How many values it can have, in words.
    public let bound: String

    public init(_ name: String, _ meaning: String, bound: String) {
        self.name = name
        self.meaning = meaning
        self.bound = bound
    }
}

extension MetricLabel {
    public static let operatorID = MetricLabel("operator", "the operator's id in the job's graph", bound: "operators of the job")
    public static let subtask = MetricLabel("subtask", "0 up to the parallelism", bound: "`parallelism.max` (128 unless set)")
    static let task = MetricLabel("task", "a chain of operators that run as one", bound: "operators of the job")
    static let source = MetricLabel("source", "the id of the source that records come from", bound: "sources of the job")
    static let split = MetricLabel("split", "what a source reads by itself: a partition, a file", bound: "splits of the source")
}

extension MetricRegistry {
    public func counter(_ metric: MetricDescription, labels: Labels = [:], scale: Double = 1) -> Cell {
        counter(metric.name, help: metric.help, labels: labels, scale: scale)
    }

    /// `scale` as in `gauge(_:help:labels:scale:)`.
    public func gauge(_ metric: MetricDescription, labels: Labels = [:], scale: Double = 1) -> Cell {
        gauge(metric.name, help: metric.help, labels: labels, scale: scale)
    }

    public func histogram(_ metric: MetricDescription, labels: Labels = [:]) -> Histogram {
        histogram(metric.name, help: metric.help, labels: labels, bounds: metric.bounds)
    }

    public func summary(
        _ metric: MetricDescription, labels: Labels = [:], clock: any RuntimeClock = SystemClock()
    ) -> Summary {
        summary(metric.name, help: metric.help, labels: labels, clock: clock)
    }

    public func computed(_ metric: MetricDescription, labels: Labels = [:], _ read: @escaping @Sendable () -> Double) {
        computed(metric.name, kind: metric.kind, help: metric.help, labels: labels, read)
    }
}
