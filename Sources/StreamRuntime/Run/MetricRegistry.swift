import Synchronization

/// The job's metrics, written by any thread and read by a scraper. A metric is a family name with a
/// fixed help text and type, and one series per set of labels; asking again for a series returns the
/// same one. Names and units follow Prometheus' conventions (`weir_…_total`, `_seconds`, `_bytes`).
public final class MetricRegistry: Sendable {
    public enum Kind: String, Sendable { case counter, gauge, histogram, summary }

    public struct Labels: Hashable, Sendable, ExpressibleByDictionaryLiteral {
        public let pairs: [String: String]
        public init(_ pairs: [String: String]) { self.pairs = pairs }
        public init(dictionaryLiteral elements: (String, String)...) {
            pairs = Dictionary(elements, uniquingKeysWith: { $1 })
        }
    }

    /// A counter or gauge cell. Adding costs a relaxed atomic add (about 3 ns).
    public final class Cell: Sendable {
        private let bits = Atomic<UInt64>(0)

        public func add(_ amount: Int = 1) {
            bits.wrappingAdd(UInt64(bitPattern: Int64(amount)), ordering: .relaxed)
        }
        public func set(_ value: Int) { bits.store(UInt64(bitPattern: Int64(value)), ordering: .relaxed) }
        public var value: Int { Int(Int64(bitPattern: bits.load(ordering: .relaxed))) }
    }

    /// A histogram with fixed bucket bounds, in the unit of its name.
    public final class Histogram: Sendable {
        public struct Reading: Sendable {
            public var counts: [Int]
            public var sum: Double
            public var count: Int
        }
        public let bounds: [Double]
        private let reading: Mutex<Reading>

        init(bounds: [Double]) {
            self.bounds = bounds
            reading = Mutex(Reading(counts: Array(repeating: 0, count: bounds.count + 1), sum: 0, count: 0))
        }

        /// Not for per-record use: takes a lock.
        public func observe(_ value: Double) {
            let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
            reading.withLock {
                $0.counts[bucket] += 1
                $0.sum += value
                $0.count += 1
            }
        }

        public var current: Reading { reading.withLock { $0 } }
    }

    /// Quantiles of durations, of the last minute or two.
    public final class Summary: Sendable {
        public struct Reading: Sendable {
            /// NaN where nothing was observed lately.
            public var quantiles: [(quantile: Double, seconds: Double)]
            public var sum: Double
            public var count: Int
        }
        public static let quantiles = [0.5, 0.99, 0.999]
        private let clock: any RuntimeClock
        private let window = Mutex(LatencyWindow())

        init(clock: any RuntimeClock) { self.clock = clock }

        /// Not for per-record use: takes a lock.
        public func observe(seconds: Double) {
            let now = clock.monotonicNanos()
            window.withLock { $0.observe(seconds: seconds, at: now) }
        }

        public var current: Reading {
            let now = clock.monotonicNanos()
            return window.withLock {
                let values = $0.quantiles(Self.quantiles, at: now)
                return Reading(
                    quantiles: Array(zip(Self.quantiles, values)), sum: $0.sumSeconds, count: $0.count)
            }
        }
    }

    /// 1 ms … 1 min, for durations in seconds.
    public static let durationBounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    private enum Series: Sendable {
        case cell(Cell, scale: Double)
        case histogram(Histogram)
        case summary(Summary)
        case computed(@Sendable () -> Double)
    }
    private struct Family: Sendable {
        var kind: Kind
        var help: String
        var series: [Labels: Series] = [:]
    }
    private struct State {
        var families: [String: Family] = [:]
        var seriesCount = 0
    }
    private let state = Mutex(State())
    private let seriesMax: Int

    /// At most `seriesMax` series: of further ones the cells count, but nobody reads them, and
    /// `weir_metrics_series_dropped_total` says how many were asked for.
    public init(seriesMax: Int = 20_000) { self.seriesMax = seriesMax }

    public func counter(_ name: String, help: String, labels: Labels = [:], scale: Double = 1) -> Cell {
        cell(name, .counter, help, labels, scale)
    }

    /// `scale` multiplies the integer cell when it is read (1e-9 for nanoseconds kept, seconds shown).
    public func gauge(_ name: String, help: String, labels: Labels = [:], scale: Double = 1) -> Cell {
        cell(name, .gauge, help, labels, scale)
    }

    public func histogram(
        _ name: String, help: String, labels: Labels = [:], bounds: [Double] = MetricRegistry.durationBounds
    ) -> Histogram {
        state.withLock { state in
            if case .histogram(let known)? = state.families[name]?.series[labels] { return known }
            let made = Histogram(bounds: bounds)
            set(.histogram(made), name, .histogram, help, labels, &state)
            return made
        }
    }

    public func summary(
        _ name: String, help: String, labels: Labels = [:], clock: any RuntimeClock = SystemClock()
    ) -> Summary {
        state.withLock { state in
            if case .summary(let known)? = state.families[name]?.series[labels] { return known }
            let made = Summary(clock: clock)
            set(.summary(made), name, .summary, help, labels, &state)
            return made
        }
    }

    /// A value worked out when it is read; registering the same series again replaces it.
    public func computed(
        _ name: String, kind: Kind = .gauge, help: String, labels: Labels = [:],
        _ read: @escaping @Sendable () -> Double
    ) {
        state.withLock { set(.computed(read), name, kind, help, labels, &$0) }
    }

    private func cell(_ name: String, _ kind: Kind, _ help: String, _ labels: Labels, _ scale: Double) -> Cell {
        state.withLock { state in
            if case .cell(let known, _)? = state.families[name]?.series[labels] { return known }
            let made = Cell()
            set(.cell(made, scale: scale), name, kind, help, labels, &state)
            return made
        }
    }

    private func set(
        _ series: Series, _ name: String, _ kind: Kind, _ help: String, _ labels: Labels, _ state: inout State
    ) {
        if state.families[name]?.series[labels] == nil {
            guard state.seriesCount < seriesMax else { return Self.countDropped(&state) }
            state.seriesCount += 1
        }
        state.families[name, default: Family(kind: kind, help: help)].series[labels] = series
    }

    private static func countDropped(_ state: inout State) {
        let metric = MetricDescription.seriesDropped
        if case .cell(let known, _)? = state.families[metric.name]?.series[[:]] { return known.add() }
        let cell = Cell()
        cell.add()
        state.families[metric.name] = Family(kind: .counter, help: metric.help, series: [[:]: .cell(cell, scale: 1)])
    }

    /// One reading of everything, sorted by name and labels.
    public struct Sample: Sendable {
        public enum Value: Sendable {
            case number(Double)
            case histogram(bounds: [Double], Histogram.Reading)
            case summary(Summary.Reading)
        }
        public let name: String
        public let kind: Kind
        public let help: String
        public let series: [(labels: [String: String], value: Value)]
    }

    public func read() -> [Sample] {
        let now = state.withLock { $0.families }
        return now.sorted { $0.key < $1.key }.map { name, family in
            let series = family.series
                .map { (labels: $0.key.pairs, value: Self.value(of: $0.value)) }
                .sorted { Self.sortKey($0.labels) < Self.sortKey($1.labels) }
            return Sample(name: name, kind: family.kind, help: family.help, series: series)
        }
    }

    private static func value(of series: Series) -> Sample.Value {
        switch series {
        case .cell(let cell, let scale): .number(scale == 1 ? Double(cell.value) : Double(cell.value) * scale)
        case .histogram(let histogram): .histogram(bounds: histogram.bounds, histogram.current)
        case .summary(let summary): .summary(summary.current)
        case .computed(let read): .number(read())
        }
    }

    private static func sortKey(_ labels: [String: String]) -> String {
        labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    /// The value of one series, for tests and the live line; `nil` when there is none.
    public func value(_ name: String, labels: Labels = [:]) -> Double? {
        guard let series = state.withLock({ $0.families[name]?.series[labels] }) else { return nil }
        if case .number(let number) = Self.value(of: series) { return number }
        return nil
    }

    /// Whether there is any series of a family.
    public func has(_ name: String) -> Bool { state.withLock { $0.families[name]?.series.isEmpty == false } }

    /// The sum over all series of a family that carry these labels.
    public func sum(_ name: String, where labels: [String: String] = [:]) -> Double {
        let series = state.withLock { $0.families[name]?.series ?? [:] }
        return series.reduce(0) { total, entry in
            guard labels.allSatisfy({ entry.key.pairs[$0.key] == $0.value }),
                case .number(let number) = Self.value(of: entry.value)
            else { return total }
            return total + number
        }
    }

    /// The sums over the series of a family that have the same value of a label, by that value.
    public func sums(_ name: String, by label: String) -> [String: Double] {
        let series = state.withLock { $0.families[name]?.series ?? [:] }
        return series.reduce(into: [:]) { sums, entry in
            guard let value = entry.key.pairs[label], case .number(let number) = Self.value(of: entry.value) else { return }
            sums[value, default: 0] += number
        }
    }
}
