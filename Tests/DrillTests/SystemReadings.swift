import AsyncHTTPClient
import Foundation

/// What the parts of the system say of themselves.
extension SystemUnderTest {
    /// As `/readyz` of a job's process tells it.
    struct Standing: Decodable {
        let status: String
        let reason: String?
        var isRunning: Bool { status == "running" }

        func isPaused(because name: String) -> Bool { status == "paused" && reason?.contains(name) == true }
    }

    func standing(of job: Part) async throws -> Standing {
        struct Body: Decodable { let jobs: [Standing] }
        let body = try JSONDecoder().decode(Body.self, from: Data(try await read(job, "/readyz").utf8))
        guard let first = body.jobs.first else { throw DrillFailure("\(job.rawValue) runs no job") }
        return first
    }

    /// The dependencies that `/readyz` of a service says are away.
    func missing(of service: Part) async throws -> [String] {
        struct Entry: Decodable { let name: String, ready: Bool }
        struct Body: Decodable { let dependencies: [Entry] }
        let body = try JSONDecoder().decode(Body.self, from: Data(try await read(service, "/readyz").utf8))
        return body.dependencies.filter { !$0.ready }.map(\.name)
    }

    /// The sum of a metric's samples.
    func metric(_ name: String, of part: Part) async throws -> Double {
        try await read(part, "/metrics").split(separator: "\n").filter { $0.hasPrefix(name) }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }

    /// Waits, with a bound, for what a part says; a part that does not answer yet is asked again.
    func wait(_ what: String, withinSeconds seconds: Double, until holds: () async throws -> Bool) async throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        var last = "it did not hold"
        while Date() < deadline {
            do {
                if try await holds() { return }
            } catch let error as CancellationError {
                throw error
            } catch {
                last = "\(error)"
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw DrillFailure("not within \(Int(seconds)) s: \(what) (\(last))")
    }

    private func read(_ part: Part, _ path: String) async throws -> String {
        let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: url(part) + path), timeout: .seconds(5))
        return String(buffer: try await answer.body.collect(upTo: 4 << 20))
    }
}
