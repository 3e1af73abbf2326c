import Foundation
import Metrics
import StreamRuntime
import Testing
import WeirKit

@Suite struct PrometheusTests {
    @Test func goldenText() {
        let registry = MetricRegistry()
        registry.counter("weir_records_total", help: "Records \\ seen\nhere.", labels: ["operator": "a \"b\"\n\\c"]).add(3)
        registry.counter("weir_records_total", help: "", labels: ["operator": "z"]).add(4)
        registry.gauge("weir_lag_seconds", help: "Lag.", scale: 1e-3).set(1500)
        registry.computed("weir_nan", help: "") { .nan }
        registry.computed("weir_big", help: "Big.") { 1e18 }
        let histogram = registry.histogram("weir_wait_seconds", help: "Wait.", labels: ["k": "v"], bounds: [0.5, 1])
        for value in [0.5, 0.75, 7.0] { histogram.observe(value) }
        #expect(
            PrometheusText.render(registry) == """
                # HELP weir_big Big.
                # TYPE weir_big gauge
                weir_big 1e+18
                # HELP weir_lag_seconds Lag.
                # TYPE weir_lag_seconds gauge
                weir_lag_seconds 1.5
                # TYPE weir_nan gauge
                weir_nan NaN
                # HELP weir_records_total Records \\\\ seen\\nhere.
                # TYPE weir_records_total counter
                weir_records_total{operator="a \\"b\\"\\n\\\\c"} 3
                weir_records_total{operator="z"} 4
                # HELP weir_wait_seconds Wait.
                # TYPE weir_wait_seconds histogram
                weir_wait_seconds_bucket{k="v",le="0.5"} 1
                weir_wait_seconds_bucket{k="v",le="1"} 2
                weir_wait_seconds_bucket{k="v",le="+Inf"} 3
                weir_wait_seconds_sum{k="v"} 8.25
                weir_wait_seconds_count{k="v"} 3

                """)
    }

    @Test func whatIsRenderedCanBeReadBack() throws {
        var random = SeededRandom(seed: 11)
        let registry = MetricRegistry()
        var expected: [String: Double] = [:]
        let characters = Array("ab\"\\\n {},=ü")
        for index in 0..<300 {
            let value = String((0..<Int.random(in: 0..<8, using: &random)).map { _ in
                characters.randomElement(using: &random) ?? "a"
            })
            let number = Double(Int64(bitPattern: random.next() >> 20)) / 1024
            registry.computed("m_\(index % 7)", help: value, labels: ["label": value, "n": "\(index)"]) { number }
            expected["m_\(index % 7)|label=\(value)|n=\(index)"] = number
        }
        #expect(try ExpositionReader.read(PrometheusText.render(registry)) == expected)
    }

    @Test func registriesAreMergedByFamily() {
        let first = MetricRegistry(), second = MetricRegistry()
        first.counter("x_total", help: "X.").add(1)
        second.counter("x_total", help: "X.").add(2)
        second.gauge("y", help: "Y.").set(1)
        first.counter("y", help: "Y of another type.").add(9)
        let text = PrometheusText.render([
            LabelledRegistry(first, labels: ["job": "a"]), LabelledRegistry(second, labels: ["job": "b"]),
        ])
        #expect(
            text == """
                # HELP x_total X.
                # TYPE x_total counter
                x_total{job="a"} 1
                x_total{job="b"} 2
                # HELP y Y of another type.
                # TYPE y counter
                y{job="a"} 9

                """)
    }

    @Test func processMetricsArePlausible() {
        let registry = MetricRegistry()
        ProcessMetrics.register(in: registry)
        #expect(registry.value("process_cpu_seconds_total") ?? 0 > 0)
        #expect(registry.value("process_start_time_seconds") ?? 0 > 1_600_000_000)
        #expect(registry.value("weir_process_uptime_seconds") ?? -1 >= 0)
        #if os(Linux)
            #expect(registry.value("process_resident_memory_bytes") ?? 0 > 1_000_000)
            #expect(registry.value("process_open_fds") ?? 0 >= 3)
            let age = Date().timeIntervalSince1970 - (registry.value("process_start_time_seconds") ?? 0)
            #expect(age > -2 && age < 86_400)
        #endif
    }

    // MARK: swift-metrics

    @Test func swiftMetricsAppearInTheRegistry() {
        let registry = MetricRegistry()
        let factory = RegistryMetricsFactory(registry)
        let counter = Counter(label: "http.requests", dimensions: [("path", "/a")], factory: factory)
        counter.increment(by: 2)
        Counter(label: "http.requests", dimensions: [("path", "/a")], factory: factory).increment()
        #expect(registry.value("http_requests_total", labels: ["path": "/a"]) == 3)

        FloatingPointCounter(label: "cost", factory: factory).increment(by: 0.75)
        #expect(registry.value("cost_total") == 0.75)

        let meter = Meter(label: "temperature", factory: factory)
        meter.set(2.5)
        meter.decrement(by: 1)
        #expect(registry.value("temperature") == 1.5)
        Gauge(label: "level", factory: factory).record(4)
        #expect(registry.value("level") == 4)

        Metrics.Timer(label: "http.wait", factory: factory).recordMilliseconds(20)
        Recorder(label: "body.bytes", factory: factory).record(300)
        let text = PrometheusText.render(registry)
        #expect(text.contains("http_wait_seconds_sum 0.02\n"))
        #expect(text.contains("http_wait_seconds_bucket{le=\"0.025\"} 1\n"))
        #expect(text.contains("body_bytes_bucket{le=\"256\"} 0\nbody_bytes_bucket{le=\"1024\"} 1\n"))
    }

    @Test func tooManySeriesAreCountedNotKept() {
        let registry = MetricRegistry()
        let factory = RegistryMetricsFactory(registry, seriesMax: 3)
        for index in 0..<5 { Counter(label: "c", dimensions: [("n", "\(index)")], factory: factory).increment() }
        #expect(registry.value("weir_metrics_series_dropped_total") == 2)
        #expect(registry.sum("c_total") == 3)
    }

    @Test func oneNameWithTwoTypesKeepsTheFirst() {
        let registry = MetricRegistry()
        let factory = RegistryMetricsFactory(registry)
        Counter(label: "x_total", factory: factory).increment()
        Gauge(label: "x_total", factory: factory).record(70)
        #expect(registry.value("x_total") == 1)
    }
}

/// Reads samples of the text format as a scraper does.
enum ExpositionReader {
    struct Malformed: Error { let line: String }

    /// `name|label=value|…` → value.
    static func read(_ text: String) throws -> [String: Double] {
        var samples: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            var rest = line[...]
            let name = rest.prefix { $0 != "{" && $0 != " " }
            rest = rest.dropFirst(name.count)
            var key = String(name)
            if rest.first == "{" {
                rest = rest.dropFirst()
                while rest.first != "}" {
                    let label = rest.prefix { $0 != "=" }
                    rest = rest.dropFirst(label.count + 2)
                    var value = ""
                    while let character = rest.popFirst(), character != "\"" {
                        guard character == "\\" else {
                            value.append(character)
                            continue
                        }
                        guard let escaped = rest.popFirst() else { throw Malformed(line: String(line)) }
                        value.append(escaped == "n" ? "\n" : escaped)
                    }
                    key += "|\(label)=\(value)"
                    if rest.first == "," { rest = rest.dropFirst() }
                }
                rest = rest.dropFirst()
            }
            guard let number = Double(rest.dropFirst()) else { throw Malformed(line: String(line)) }
            samples[key] = number
        }
        return samples
    }
}
