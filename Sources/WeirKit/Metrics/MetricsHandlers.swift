import Metrics
import StreamRuntime
import Synchronization

/// A swift-metrics counter on a registry's cell.
final class CellCounter: CounterHandler {
    private let cell: MetricRegistry.Cell

    init(_ cell: MetricRegistry.Cell) { self.cell = cell }

    func increment(by amount: Int64) { cell.add(Int(amount)) }
    func reset() { cell.set(0) }
}

/// A floating-point number that any thread may change: gauges and fractional counters.
final class SharedNumber: FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    private let number = Mutex(0.0)

    var value: Double { number.withLock { $0 } }

    func increment(by amount: Double) { number.withLock { $0 += amount } }
    func decrement(by amount: Double) { number.withLock { $0 -= amount } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { number.withLock { $0 = value } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }
}

/// An aggregating recorder: sizes and counts, so the buckets are powers of four.
final class HistogramRecorder: RecorderHandler {
    static let bounds: [Double] = (0...12).map { Double(1 << (2 * $0)) }
    private let histogram: MetricRegistry.Histogram

    init(_ histogram: MetricRegistry.Histogram) { self.histogram = histogram }

    func record(_ value: Int64) { histogram.observe(Double(value)) }
    func record(_ value: Double) { histogram.observe(value) }
}

/// A timer, shown in seconds.
final class HistogramTimer: TimerHandler {
    private let histogram: MetricRegistry.Histogram

    init(_ histogram: MetricRegistry.Histogram) { self.histogram = histogram }

    func recordNanoseconds(_ duration: Int64) { histogram.observe(Double(duration) / 1e9) }
}
