import Foundation
import Testing

/// A real Prometheus with the configuration that is shipped, over a system one of whose stores is away, a server, and a job
/// of the server's.
@Suite struct ScrapeTests {
    @Test func prometheusScrapesJobsSystemAndServerWithTheShippedConfiguration() async throws {
        let system = try RunningSystem([
            "--set", "orders.rate=200", "--set", "trading.users=20", "--checkpoint-interval", "200ms",
            // Nobody listens on port 1.
            "--set", "history=elasticsearch://127.0.0.1:1",
        ])
        defer { system.stop() }
        let server = try RunningSystem(command: ["server", "--port", "0"])
        defer { server.stop() }
        let serverURL = try await server.said(#/weir server on (http:\S+)\n/#)
        let submitted = try WeirRun(
            ["submit", "market-feed", "--detached", "--server", serverURL, "--checkpoint-dir", server.folder + "/checkpoints"],
            data: server.folder + "/data")
        #expect(submitted.status == 0, "\(submitted.errors)")
        let prometheus = try await PrometheusServer(
            configuration: try Self.configuration(
                system: try await system.metrics(), gateway: try await system.gateway().url, server: serverURL))
        defer { prometheus.stop() }

        // All of it answers; what a server runs is found through it, and is an instance by its id.
        let up = try await prometheus.query("up") { $0.count == 4 && $0.allSatisfy { $0.value == 1 } }
        #expect(Set(up.map(\.labels["job"])) == ["weir", "weir-server", "weir-jobs", "weir-services"])
        let job = try #require(up.first { $0.labels["job"] == "weir-jobs" }?.labels["instance"])
        #expect(submitted.output.contains(job), "\(submitted.output)")

        // Labels come through as they are served, and counters count.
        for expression in [
            #"weir_trades_total{job="weir", job_name="trade-execution"}"#,
            #"weir_checkpoints_completed_total{job="weir-jobs", job_name="market-feed", instance="\#(job)"}"#,
        ] {
            let first = try await prometheus.query(expression) { $0.count == 1 && $0[0].value > 0 }[0].value
            try await prometheus.query(expression) { $0.count == 1 && $0[0].value > first }
        }
        let quantile =
            #"histogram_quantile(0.99, sum by (le) (rate(weir_checkpoint_duration_seconds_bucket{job="weir"}[30s])))"#
        try await prometheus.query(quantile) { $0.count == 1 && $0[0].value > 0 && $0[0].value < 60 }
        try await prometheus.query(#"weir_server_jobs{status="RUNNING"}"#) { $0.first?.value == 1 }

        // The store that is away is seen, by rules that all work.
        try await prometheus.query(#"weir_job_status{job="weir", job_name="trade-history", status="paused"}"#) {
            $0.first?.value == 1
        }
        try await prometheus.query(#"ALERTS{alertname="WeirStoreBreakerOpen", store="history-elasticsearch"}"#) { !$0.isEmpty }
        try await prometheus.query(#"ALERTS{alertname="WeirJobPaused", job_name="trade-history"}"#) { !$0.isEmpty }
        try await Self.checkRules(prometheus)
        try await Self.checkDashboards(prometheus)
    }

    /// deploy/observability/prometheus.yml, with the addresses of this test, and three seconds for fifteen.
    private static func configuration(system: String, gateway: String, server: String) throws -> String {
        var text = try observability.appendingPathComponent("prometheus.yml").text
        func address(_ url: String) throws -> String {
            let parts = try #require(URLComponents(string: url))
            return "\(try #require(parts.host)):\(try #require(parts.port))"
        }
        for (shipped, used) in [
            ("127.0.0.1:9600", try address(system)), ("127.0.0.1:8080", try address(gateway)),
            ("127.0.0.1:8081", try address(server)), ("- alerts.yml", "- \(observability.path)/alerts.yml"), ("15s", "3s"),
        ] {
            #expect(text.contains(shipped))
            text = text.replacingOccurrences(of: shipped, with: used)
        }
        // The services behind the gateway run inside `weir up` here.
        return text.replacing(#/ +- 127\.0\.0\.1:809[0-9].*\n/#, with: "")
    }

    private static func checkRules(_ prometheus: PrometheusServer) async throws {
        struct Groups: Decodable {
            struct Group: Decodable { let rules: [Rule] }
            struct Rule: Decodable {
                let name: String
                let health: String
                let lastError: String?
            }
            let groups: [Group]
        }
        var rules: [Groups.Rule] = []
        for _ in 0..<100 {
            rules = try await prometheus.api("rules", as: Groups.self).groups.flatMap(\.rules)
            if rules.allSatisfy({ $0.health != "unknown" }) { break }
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(rules.count > 20)
        for rule in rules { #expect(rule.health == "ok", "\(rule.name): \(rule.lastError ?? "")") }
    }

    /// Every expression is one that Prometheus can answer, and most have something to show here.
    private static func checkDashboards(_ prometheus: PrometheusServer) async throws {
        var (asked, answered) = (0, 0)
        for dashboard in try Dashboard.all() {
            for expression in dashboard.panels.flatMap(\.expressions) {
                let query = expression.replacingOccurrences(of: "$__rate_interval", with: "30s")
                    .replacing(#/\$[a-z_]+/#, with: ".*")
                asked += 1
                if try await !prometheus.query(query).isEmpty { answered += 1 }
            }
        }
        #expect(answered > asked / 2, "\(answered) of \(asked) expressions show anything")
    }
}
