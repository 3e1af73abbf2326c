import Foundation
import HTTPTypes
import Hummingbird

/// A system a service needs, and how to find out whether it answers.
package struct Dependency: Sendable {
    /// As `/readyz` names it: never a URL, which may hold a password.
    package let name: String
    /// Throws when it is down. Bounded by `Health.checkMillisMax`.
    package let check: @Sendable () async throws -> Void

    package init(_ name: String, check: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.check = check
    }
}

/// `/healthz`, `/readyz` and `/metrics`, on every service.
package struct Health: Sendable {
    static let checkMillisMax: Int64 = 2_000
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

    struct Readiness: Encodable {
        struct Entry: Encodable {
            let name: String
            let ready: Bool
        }
        let ready: Bool
        let dependencies: [Entry]
    }

    /// Asks all dependencies at once.
    func readiness() async -> Readiness {
        let entries = await withTaskGroup(of: (Int, Bool).self) { group in
            for (index, dependency) in dependencies.enumerated() {
                group.addTask { (index, await Self.isUp(dependency)) }
            }
            var isUp = [Bool](repeating: false, count: dependencies.count)
            for await (index, up) in group { isUp[index] = up }
            return zip(dependencies, isUp).map { Readiness.Entry(name: $0.name, ready: $1) }
        }
        return Readiness(ready: entries.allSatisfy(\.ready), dependencies: entries)
    }

    private static func isUp(_ dependency: Dependency) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await dependency.check()) != nil }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(checkMillisMax))
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
