import Foundation
import StreamRuntime
import Synchronization
import TestServers
import Testing
import WeirKit

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite struct MetricsServerTests {
    private static func report(_ status: JobStatus) -> JobReport {
        JobReport(name: "j", id: JobID(namespace: "default", jobName: "j"), status: status)
    }

    private func get(
        _ port: Int, _ path: String, accept: String? = nil, method: String = "GET"
    ) async throws -> (status: Int, type: String, body: String) {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        if let accept { request.setValue(accept, forHTTPHeaderField: "Accept") }
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        return (
            http.statusCode, http.value(forHTTPHeaderField: "Content-Type") ?? "", String(decoding: data, as: UTF8.self)
        )
    }

    @Test func servesMetricsHealthAndReadiness() async throws {
        let registry = MetricRegistry()
        let cell = registry.counter("weir_x_total", help: "X.")
        let status = Mutex(JobStatus.starting)
        let server = MetricsServer(
            .init(port: 0), metrics: { PrometheusText.render(registry, as: $0) },
            jobs: { [Self.report(status.withLock { $0 })] })
        let port = try await server.start()
        #expect(port > 0)

        cell.add(41)
        let metrics = try await get(port, "/metrics")
        #expect(metrics.status == 200)
        #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.body.contains("weir_x_total 41\n"))
        cell.add()
        #expect(try await get(port, "/metrics").body.contains("weir_x_total 42\n"))
        let open = try await get(port, "/metrics", accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        #expect(open.type == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(open.body.hasSuffix("weir_x_total 42\n# EOF\n"))

        #expect(try await get(port, "/healthz").status == 200)
        for path in ["/healthz", "/metrics"] {
            let (got, head) = (try await get(port, path), try await get(port, path, method: "HEAD"))
            #expect(head.status == 200 && head.body.isEmpty && head.type == got.type, "HEAD \(path)")
        }
        let starting = try await get(port, "/readyz")
        #expect(starting.status == 503)
        #expect(starting.body.contains("\"ready\":false") && starting.body.contains("\"status\":\"starting\""))
        status.withLock { $0 = .paused(["kafka"]) }
        let paused = try await get(port, "/readyz")
        #expect(paused.status == 200)
        #expect(paused.body.contains("\"reason\":\"waiting for kafka\""))
        status.withLock { $0 = .failed(reason: "a \"quoted\" reason") }
        #expect(try await get(port, "/readyz").status == 503)
        #expect(try await get(port, "/nothing").status == 404)

        await server.stop()
        await #expect(throws: (any Error).self) { try await self.get(port, "/healthz") }
    }

    /// What a server without jobs says to exactly these bytes, until it closes the connection.
    private func answer(to bytes: String) async throws -> String {
        let server = MetricsServer(.init(port: 0), metrics: { _ in "" }, jobs: { [] })
        let connection = try RawConnection(port: try await server.start())
        await connection.write(bytes)
        let answer = await connection.read()
        await server.stop()
        return answer
    }

    @Test func whatIsNoHTTPIsRefusedInJSON() async throws {
        let answer = try await answer(to: "GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#"{"error":""#), "\(answer)")
    }

    @Test func aRequestThatDoesNotNameItsHostIsRefused() async throws {
        for fields in ["", "Host:\r\n", "Host: a\r\nHost: b\r\n", "Host: a b\r\n"] {
            let answer = try await answer(to: "GET /healthz HTTP/1.1\r\n\(fields)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#"{"error":""#), "\(fields): \(answer)")
        }
    }

    @Test func aBusyPortIsRefusedNamingItAndTheFlag() async throws {
        let first = MetricsServer(.init(port: 0), metrics: { _ in "" }, jobs: { [] })
        let port = try await first.start()
        let second = MetricsServer(.init(port: port), metrics: { _ in "" }, jobs: { [] })
        let error = await #expect(throws: MetricsServerError.self) { try await second.start() }
        #expect(
            error?.description
                == "the metrics server cannot listen on 127.0.0.1:\(port): the port is in use by another process; choose "
                + "another with --metrics-port PORT (0: any free one), or switch the server off with --set metrics.enabled=false")
        await second.stop()
        await first.stop()
        let third = MetricsServer(.init(port: port), metrics: { _ in "" }, jobs: { [] })
        #expect(try await third.start() == port)
        await third.stop()
    }

    @Test func manyScrapesAtOnceAreAnswered() async throws {
        let server = MetricsServer(.init(port: 0), metrics: { _ in String(repeating: "x", count: 200_000) }, jobs: { [] })
        let port = try await server.start()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { try await self.get(port, "/metrics").body.utf8.count } }
            for try await count in group { #expect(count == 200_000) }
        }
        await server.stop()
    }
}
