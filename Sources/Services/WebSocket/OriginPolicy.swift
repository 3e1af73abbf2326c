import Foundation

/// Which pages may open a WebSocket. Browsers let any page try and send along what the user is signed in with; the
/// `Origin` field, which scripts cannot forge, is what tells our page from others.
package struct OriginPolicy: Sendable {
    private let allowed: Set<String>

    /// - Parameter allowed: origins such as `https://trading.example` beside the server's own.
    package init(allowed: [String] = []) {
        self.allowed = Set(allowed.map { $0.lowercased() })
    }

    /// Requests without an origin are no browser's. One of several origins or hosts is nobody's.
    package func admits(origins: [String], hosts: [String]) -> Bool {
        guard let origin = origins.first?.lowercased() else { return true }
        guard origins.count == 1, hosts.count == 1 else { return false }
        if allowed.contains(origin) { return true }
        return ["http://", "https://"].contains { origin == $0 + hosts[0].lowercased() }
    }
}
