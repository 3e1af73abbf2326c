import Foundation
import HTTPTypes
import Hummingbird

/// A system a service needs, and how to find out whether it answers.
package struct Dependency: Sendable {
    /// As `/readyz` names it: never a URL, which may hold a password.
    package let name: String
    /// What bounds `check`.
    let millisMax: Int64
    /// Throws when it is down.
    let check: @Sendable () async throws -> Answer

    /// What is known of it when it is not down altogether.
    struct Answer: Sendable {
        var isReady = true
        /// What it needs itself, if it told.
        var needs: [Readiness.Entry]?
    }

    package init(_ name: String, check: @escaping @Sendable () async throws -> Void) {
        self.name = name
        millisMax = Health.checkMillisMax
        self.check = {
            try await check()
            return Answer()
        }
    }

    /// A service of this system, which says itself what it needs: it is given the time it needs to find out.
    init(service name: String, readiness: @escaping @Sendable () async throws -> Readiness) {
        self.name = name
        millisMax = Health.serviceMillisMax
        check = {
            let answer = try await readiness()
            return Answer(isReady: answer.ready, needs: answer.dependencies)
        }
    }
}

/// What `/readyz` answers.
struct Readiness: Codable, Sendable {
    struct Entry: Codable, Sendable {
        let name: String
        let ready: Bool
        /// What it needs itself; absent for what does not tell.
        let dependencies: [Entry]?
    }
    let ready: Bool
    let dependencies: [Entry]
}

/// `/healthz`, `/readyz` and `/metrics`, on every service.
package struct Health: Sendable {
    static let checkMillisMax: Int64 = 2_000
    /// Longer than a service's own checks take.
    static let serviceMillisMax: Int64 = 3_000
    package static let routes = ["/healthz", "/readyz", "/metrics"].map { Route(.get, $0) }

    private let dependencies: [Dependency]
    private let metrics: @Sendable () -> String

    /// `metrics` is Prometheus text; asked once per scrape.
    package init(_ dependencies: [Dependency], metrics: @escaping @Sendable () -> String) {
        self.dependencies = dependencies
        self.metrics = metrics
    }

    package func add(to router: ServiceRouter) {
        router.on(Route(.get, "/healthz")) { _, _ in try JSONAnswer(["status": "ok"]) }
        router.on(Route(.get, "/readyz")) { _, _ in
            let readiness = await readiness()
            return try JSONAnswer(readiness, status: readiness.ready ? .ok : .serviceUnavailable)
        }
        router.on(Route(.get, "/metrics")) { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(string: metrics())))
        }
    }

    /// Asks all dependencies at once.
    func readiness() async -> Readiness {
        let entries = await withTaskGroup(of: (Int, Readiness.Entry).self) { group in
            for (index, dependency) in dependencies.enumerated() {
                group.addTask { (index, await Self.entry(dependency)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return Readiness(ready: entries.allSatisfy(\.ready), dependencies: entries)
    }

    private static func entry(_ dependency: Dependency) async -> Readiness.Entry {
        let answer = await withTaskGroup(of: Dependency.Answer?.self) { group in
            group.addTask { try? await dependency.check() }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(dependency.millisMax))
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        return Readiness.Entry(name: dependency.name, ready: answer?.isReady ?? false, dependencies: answer?.needs)
    }
}
