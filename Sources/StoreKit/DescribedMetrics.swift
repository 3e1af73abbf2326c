import Metrics
import StreamRuntime

// Metrics of libraries, which go through swift-metrics, made from their descriptions. The executable's backend finds help
// text and buckets by the name (`RegistryMetricsFactory`).

extension Counter {
    package convenience init(_ metric: MetricDescription, _ labels: [(String, String)] = []) {
        self.init(label: metric.name, dimensions: labels)
    }
}

extension Meter {
    package convenience init(_ metric: MetricDescription, _ labels: [(String, String)] = []) {
        self.init(label: metric.name, dimensions: labels)
    }
}

extension Gauge {
    package convenience init(_ metric: MetricDescription, _ labels: [(String, String)] = []) {
        self.init(label: metric.name, dimensions: labels)
    }
}

extension Timer {
    package convenience init(_ metric: MetricDescription, _ labels: [(String, String)] = []) {
        self.init(label: metric.name, dimensions: labels)
    }
}
