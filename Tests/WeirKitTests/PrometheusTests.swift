import Foundation
import Metrics
import StoreKit
import StreamRuntime
import Synchronization
import Testing
import WeirKit

@Suite struct PrometheusTests {
    /// As the control API tells it, in JSON.
    @Test func aSeriesThatIsNoNumberTakesNoOthersWithIt() throws {
        let registry = MetricRegistry()
        registry.computed("weir_nan", help: "") { .nan }
        registry.histogram("weir_wait_seconds", help: "").observe(.infinity)
        registry.gauge("weir_lag", help: "").set(7)
        let read = try JSONDecoder().decode([SeriesReading].self, from: JSONEncoder().encode(SeriesReading.all(of: registry)))
        #expect(read.map(\.name) == ["weir_lag", "weir_nan", "weir_wait_seconds_count", "weir_wait_seconds_sum"])
        #expect(read.map(\.value) == [7, 0, 1, 0])
    }

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

    @Test func goldenOpenMetrics() {
        let registry = MetricRegistry()
        registry.counter("weir_busy_seconds_total", help: "\"Busy\".", labels: ["k": "a \"b\""]).add(3)
        registry.counter("weir_odd", help: "A counter by another name.").add(1)
        registry.counter("weir_x_total", help: "Its base name is taken.").add(2)
        registry.gauge("weir_x", help: "").set(5)
        let histogram = registry.histogram("weir_wait_seconds", help: "Wait.", bounds: [0.5, 1])
        for value in [0.5, 7.0] { histogram.observe(value) }
        #expect(
            PrometheusText.render(registry, as: .openMetrics) == """
                # TYPE weir_busy_seconds counter
                # UNIT weir_busy_seconds seconds
                # HELP weir_busy_seconds \\"Busy\\".
                weir_busy_seconds_total{k="a \\"b\\""} 3
                # TYPE weir_odd unknown
                # HELP weir_odd A counter by another name.
                weir_odd 1
                # TYPE weir_wait_seconds histogram
                # UNIT weir_wait_seconds seconds
                # HELP weir_wait_seconds Wait.
                weir_wait_seconds_bucket{le="0.5"} 1
                weir_wait_seconds_bucket{le="1.0"} 1
                weir_wait_seconds_bucket{le="+Inf"} 2
                weir_wait_seconds_sum 7.5
                weir_wait_seconds_count 2
                # TYPE weir_x gauge
                weir_x 5
                # TYPE weir_x_total unknown
                # HELP weir_x_total Its base name is taken.
                weir_x_total 2
                # EOF

                """)
    }

    @Test(
        arguments: [
            (nil, ExpositionFormat.text), ("", .text), ("*/*", .text), ("text/html, */*;q=0.1", .text),
            // Prometheus 2, Prometheus 3, and a scraper that likes the old format better.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,"
                    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
            ),
            ("Application/OpenMetrics-Text ; version=1.0.0 ; q=0.4, text/plain;q=0.5", .text),
            ("application/openmetrics-text;version=0.0.1", .text), ("application/openmetrics-text;q=0", .text),
            ("application/openmetrics-text", .openMetrics), ("application/openmetrics-text;q=x, text/plain", .text),
        ] as [(String?, ExpositionFormat)])
    func theFormatIsWhatTheScraperLikesBest(accept: String?, format: ExpositionFormat) {
        #expect(ExpositionFormat(accepting: accept) == format)
    }

    @Test func namesThatBecomeTheSameAreOneFamilyAndOneSeries() {
        let registry = MetricRegistry()
        registry.gauge("a.b", help: "First.", labels: ["x-y": "1", "x.y": "2"]).set(1)
        registry.gauge("a-b", help: "Second.", labels: ["x_y": "1"]).set(2)
        registry.gauge("a_b", help: "Third.", labels: ["x_y": "3"]).set(3)
        #expect(
            PrometheusText.render(registry) == """
                # HELP a_b Second.
                # TYPE a_b gauge
                a_b{x_y="1"} 2
                a_b{x_y="3"} 3

                """)
    }

    @Test func beyondItsBoundARegistryShowsNoFurtherSeries() {
        let registry = MetricRegistry(seriesMax: 3)
        for index in 0..<5 { registry.counter("c_total", help: "C.", labels: ["n": "\(index)"]).add() }
        registry.histogram("h", help: "H.").observe(1)
        registry.computed("g", help: "G.") { 1 }
        registry.counter("c_total", help: "C.", labels: ["n": "0"]).add()
        registry.computed("c_total", kind: .counter, help: "C.", labels: ["n": "1"]) { 10 }
        #expect(registry.sum("c_total") == 13, "those it has go on counting, and may be replaced")
        #expect(!registry.has("h") && !registry.has("g"))
        #expect(registry.value("weir_metrics_series_dropped_total") == 4)
    }

    @Test func whatIsRenderedCanBeReadBack() throws {
        var random = SeededGenerator(seed: 11)
        let registry = MetricRegistry()
        var expected: [String: Double] = [:]
        let characters = Array("ab\"\\\n {},=ü")
        for index in 0..<300 {
            let value = String(
                (0..<Int.random(in: 0..<8, using: &random)).map { _ in
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

    @Test func descriptionsGiveHelpAndBuckets() {
        let registry = MetricRegistry()
        let factory = RegistryMetricsFactory(
            registry,
            describedBy: MetricCatalog([
                .counter("x_total", in: "calls", "Described."), .histogram("y_seconds", bounds: [0.5], "Described too."),
            ]))
        Counter(label: "x_total", factory: factory).increment()
        Metrics.Timer(label: "y", factory: factory).recordSeconds(1)
        let text = PrometheusText.render(registry)
        #expect(text.contains("# HELP x_total Described.\n"))
        #expect(text.contains("# HELP y_seconds Described too.\n# TYPE y_seconds histogram\n"))
        #expect(text.contains("y_seconds_bucket{le=\"0.5\"} 0\ny_seconds_bucket{le=\"+Inf\"} 1\n"))
    }

    @Test func openBreakersAreCountedPerStore() async throws {
        let registry = MetricRegistry()
        let clock = SteppedMillis()
        var settings = BreakerState.Settings()
        settings.failuresMax = 1
        var breakers = withMetricsFactory(RegistryMetricsFactory(registry)) {
            (0..<2).map { _ in CircuitBreaker(name: "s", settings: settings, nowMillis: { clock.now.withLock { $0 } }) }
        }
        var open: Double? { registry.value("weir_store_breakers_open", labels: ["store": "s"]) }
        #expect(open == 0)
        for breaker in breakers {
            await #expect(throws: StoreError.self) {
                try await breaker.run { () async throws(StoreError) in throw StoreError.unavailable("away") }
            }
        }
        #expect(open == 2)
        clock.now.withLock { $0 = settings.pauseMillisMin }
        try await breakers[0].run { () async throws(StoreError) in }
        #expect(open == 1)
        breakers = []
        #expect(open == 0, "nobody waits for the breaker that is gone")
    }

    @Test func breakersAreCountedByWhereTheyStand() async throws {
        let registry = MetricRegistry()
        let clock = SteppedMillis()
        var settings = BreakerState.Settings()
        settings.failuresMax = 1
        var breakers = withMetricsFactory(RegistryMetricsFactory(registry)) {
            (0..<2).map { _ in CircuitBreaker(name: "s", settings: settings, nowMillis: { clock.now.withLock { $0 } }) }
        }
        @Sendable func count(_ state: String) -> Double? {
            registry.value("weir_store_breakers", labels: ["store": "s", "state": state])
        }
        func counts() -> [Double?] { [count("closed"), count("half-open"), count("open")] }
        #expect(counts() == [2, 0, 0])
        await #expect(throws: StoreError.self) {
            try await breakers[0].run { () async throws(StoreError) in throw StoreError.unavailable("away") }
        }
        #expect(counts() == [1, 0, 1])
        clock.now.withLock { $0 = settings.pauseMillisMin }
        await #expect(throws: StoreError.self) {
            try await breakers[0].run { () async throws(StoreError) in
                #expect(count("half-open") == 1 && count("open") == 0, "while the probe is out")
                throw StoreError.unavailable("away still")
            }
        }
        #expect(counts() == [1, 0, 1])
        // The pause has doubled.
        clock.now.withLock { $0 += 2 * settings.pauseMillisMin }
        try await breakers[0].run { () async throws(StoreError) in }
        #expect(counts() == [2, 0, 0])
        breakers = []
        #expect(counts() == [0, 0, 0])
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

private final class SteppedMillis: Sendable {
    let now = Mutex<Int64>(0)
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
