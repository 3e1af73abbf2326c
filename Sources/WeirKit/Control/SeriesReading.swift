import StreamRuntime

/// One series of a job's metrics; histograms are told as their count and sum, summaries as their quantiles and count.
public struct SeriesReading: Sendable, Codable, Equatable {
    public let name: String
    public let labels: [String: String]
    public let value: Double

    public init(name: String, labels: [String: String], value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }

    /// JSON has no other numbers, and one series that an application spoils must not take all others with it.
    private static func finite(_ number: Double) -> Double { number.isFinite ? number : 0 }

    package static func all(of registry: MetricRegistry) -> [SeriesReading] {
        registry.read().flatMap { sample in
            sample.series.flatMap { series -> [SeriesReading] in
                switch series.value {
                case .number(let number):
                    [SeriesReading(name: sample.name, labels: series.labels, value: Self.finite(number))]
                case .histogram(_, let reading):
                    [
                        SeriesReading(name: sample.name + "_count", labels: series.labels, value: Double(reading.count)),
                        SeriesReading(name: sample.name + "_sum", labels: series.labels, value: Self.finite(reading.sum)),
                    ]
                case .summary(let reading):
                    reading.quantiles.filter { $0.seconds.isFinite }.map { quantile, seconds in
                        SeriesReading(
                            name: sample.name, labels: series.labels.merging(["quantile": "\(quantile)"]) { $1 },
                            value: seconds)
                    } + [SeriesReading(name: sample.name + "_count", labels: series.labels, value: Double(reading.count))]
                }
            }
        }
    }
}
