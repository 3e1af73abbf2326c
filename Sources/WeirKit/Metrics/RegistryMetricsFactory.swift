import Metrics
import StreamRuntime
import Synchronization

/// Brings what libraries report through swift-metrics into a `MetricRegistry`, and so to `/metrics`:
/// counters as `…_total`, timers as histograms `…_seconds`, recorders as histograms, meters and
/// non-aggregating recorders as gauges. Callable from any thread.
///
/// Bounded: after `seriesMax` series new ones are counted in `weir_metrics_series_dropped_total` and
/// otherwise ignored. A destroyed metric keeps its series, as Prometheus expects of counters. Help texts and buckets are those of
/// the description of a metric's name, where there is one.
public final class RegistryMetricsFactory: MetricsFactory {
    private struct Identity: Hashable {
        let name: String
        let labels: MetricRegistry.Labels
    }
    private let registry: MetricRegistry
    private let descriptions: [String: MetricDescription]
    private let seriesMax: Int
    private let dropped: MetricRegistry.Cell
    private let made = Mutex<[Identity: any AnyObject & Sendable]>([:])

    public init(_ registry: MetricRegistry, describedBy catalog: MetricCatalog? = nil, seriesMax: Int = 10_000) {
        self.registry = registry
        descriptions = Dictionary(catalog?.all.map { ($0.name, $0) } ?? [], uniquingKeysWith: { first, _ in first })
        self.seriesMax = seriesMax
        dropped = registry.counter(.seriesDropped)
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        handler(total(label), dimensions) { registry, identity in
            CellCounter(registry.counter(identity.name, help: help(identity, label), labels: identity.labels))
        }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        handler(total(label), dimensions) { registry, identity -> SharedNumber in
            let number = SharedNumber()
            registry.computed(identity.name, kind: .counter, help: help(identity, label), labels: identity.labels) {
                number.value
            }
            return number
        }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        handler(MetricName.metric(label), dimensions) { registry, identity -> SharedNumber in
            let number = SharedNumber()
            registry.computed(identity.name, help: help(identity, label), labels: identity.labels) { number.value }
            return number
        }
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return makeGauge(label, dimensions) }
        return handler(MetricName.metric(label), dimensions) { registry, identity in
            HistogramRecorder(
                registry.histogram(
                    identity.name, help: help(identity, label), labels: identity.labels,
                    bounds: bounds(identity) ?? HistogramRecorder.bounds))
        }
    }

    private func makeGauge(_ label: String, _ dimensions: [(String, String)]) -> any RecorderHandler {
        handler(MetricName.metric(label), dimensions) { registry, identity -> SharedNumber in
            let number = SharedNumber()
            registry.computed(identity.name, help: help(identity, label), labels: identity.labels) { number.value }
            return number
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = MetricName.metric(label)
        let timed = name.hasSuffix("_seconds") ? name : name + "_seconds"
        return handler(timed, dimensions) { registry, identity in
            HistogramTimer(
                registry.histogram(
                    identity.name, help: help(identity, label), labels: identity.labels,
                    bounds: bounds(identity) ?? MetricRegistry.durationBounds))
        }
    }

    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// The series of this name and labels, made once. When there are too many, or another kind of metric has
    /// the same name, the handler is one that nothing reads.
    private func handler<Handler: AnyObject & Sendable>(
        _ name: String, _ dimensions: [(String, String)], _ make: (MetricRegistry, Identity) -> Handler
    ) -> Handler {
        let pairs = dimensions.map { (MetricName.label($0.0), $0.1) }
        let labels = MetricRegistry.Labels(Dictionary(pairs, uniquingKeysWith: { $1 }))
        let identity = Identity(name: name, labels: labels)
        return made.withLock { made in
            if let known = made[identity] as? Handler { return known }
            guard made[identity] == nil, made.count < seriesMax else {
                dropped.add()
                return make(MetricRegistry(), identity)
            }
            let handler = make(registry, identity)
            made[identity] = handler
            return handler
        }
    }

    private func total(_ label: String) -> String {
        let name = MetricName.metric(label)
        return name.hasSuffix("_total") ? name : name + "_total"
    }

    private func help(_ identity: Identity, _ label: String) -> String {
        descriptions[identity.name]?.help ?? "swift-metrics \(label)."
    }

    private func bounds(_ identity: Identity) -> [Double]? {
        guard let bounds = descriptions[identity.name]?.bounds, !bounds.isEmpty else { return nil }
        return bounds
    }
}
