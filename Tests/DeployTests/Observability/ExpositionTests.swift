import AsyncHTTPClient
import Foundation
import Testing

/// What processes really serve: promtool finds nothing wrong with it, and `weir metrics` describes all of it.
@Suite struct ExpositionTests {
    @Test func ofARunningJob() async throws {
        let job = try RunningSystem(command: [
            "run", "market-feed", "--metrics-port", "0", "--checkpoint-interval", "100ms", "--for", "120s",
        ])
        defer { job.stop() }
        let url = try await job.metrics()
        let text = try await Self.text(url) { $0.contains(#"weir_checkpoints_completed_total{job_name="market-feed"}"#) }
        try Self.check(
            text,
            has: [
                "weir_operator_records_in_total", "weir_operator_latency_seconds", "weir_task_busy_seconds_total",
                "weir_job_status",
            ])
    }

    @Test func ofTheWholeSystem() async throws {
        let system = try RunningSystem(["--set", "orders.rate=200", "--set", "trading.users=20"])
        defer { system.stop() }
        let gateway = try await system.gateway()
        try await gateway.post("/v1/accounts")
        let text = try await Self.text(try await system.metrics()) {
            $0.contains("\nweir_trades_total{") && $0.contains(#"weir_http_requests_total{method="POST",route="/v1/accounts"#)
        }
        try Self.check(
            text,
            has: [
                "weir_store_call_seconds", "weir_store_breakers_open", "weir_http_request_seconds", "weir_prices_listening",
                "weir_source_lag_records", "weir_async_latency_seconds", "weir_rejections_total", "weir_state_entries",
            ])
        // The gateway serves the same.
        try Self.check(try await Self.text(gateway.url + "/metrics") { _ in true }, has: ["weir_http_requests_in_flight"])
    }

    @Test func ofTheServer() async throws {
        let server = try RunningSystem(command: ["server", "--port", "0"])
        defer { server.stop() }
        let url = try await server.said(#/weir server on (http:\S+)\n/#)
        let submitted = try WeirRun(
            ["submit", "market-feed", "--detached", "--server", url, "--checkpoint-dir", server.folder + "/checkpoints"],
            data: server.folder + "/data")
        #expect(submitted.status == 0, "\(submitted.errors)")
        let text = try await Self.text(url + "/metrics") { $0.contains("weir_server_jobs{status=\"RUNNING\"} 1\n") }
        try Self.check(text, has: ["weir_server_job_answers", "weir_server_job_relaunches_total", "process_open_fds"])
        #expect(text.contains("weir_server_jobs{status=\"FAILED\"} 0\n"))
    }

    /// The text at `url`, once it holds what is waited for; at most a minute.
    private static func text(_ url: String, until holds: (String) -> Bool) async throws -> String {
        var text = ""
        for _ in 0..<600 {
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(10))
            #expect(response.headers.first(name: "content-type") == "text/plain; version=0.0.4; charset=utf-8")
            text = String(buffer: try await response.body.collect(upTo: 16 << 20))
            if holds(text) { return text }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("this is all that is served: \(text)")
        return text
    }

    private static func check(_ text: String, has expected: [String]) throws {
        let lint = try Promtool(["check", "metrics"], input: text)
        #expect(lint.status == 0 && lint.output.isEmpty, "\(lint.output)")
        let metrics = try MetricList()
        var seen: Set<String> = []
        for found in text.matches(of: #/# TYPE (\S+) (\S+)\n/#) {
            let name = String(found.1)
            seen.insert(name)
            let metric = try #require(metrics.byName[name], "\(name) is not described")
            #expect(metric.type == String(found.2), "\(name)")
            #expect(text.contains("# HELP \(name) \(metric.help)\n"), "\(name)")
        }
        for name in expected { #expect(seen.contains(name), "\(name)") }
        // A task's name may hold braces, and no quotes.
        for found in text.matches(of: #/\n([a-z_]+)\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\} /#) {
            let metric = try #require(metrics.metric(ofSeries: String(found.1)), "\(found.1)")
            let labels = String(found.2).matches(of: #/([a-z_]+)="(?:[^"\\]|\\.)*"/#).map { String($0.1) }
            let own = ["histogram": ["le"], "summary": ["quantile"]][metric.type] ?? []
            let allowed = Set(metric.labels + ["job_name", "job_id"] + own)
            #expect(Set(labels).isSubset(of: allowed), "\(found.0)")
        }
    }
}
