import Foundation
import HTTPTypes
import Hummingbird
import Trading
import UntrustedJSON

/// `POST /v1/dev/token`: a token for whoever asks, for the page of a system on the user's own machine. Registered only on
/// a loopback address with the key at hand.
///
/// Other web sites in the user's browser can reach that address too. They cannot send JSON across origins without
/// being asked for permission, which is never given; a name that was made to point here (DNS rebinding) is told by
/// the host field.
struct SignIn: Sendable {
    static let lifetimeMillis: Int64 = 12 * 3_600_000

    private let authority: TokenAuthority
    private let limits: HTTPLimits

    init(_ authority: TokenAuthority, _ limits: HTTPLimits) {
        self.authority = authority
        self.limits = limits
    }

    private struct Asked: Decodable { let userId: String }
    private struct Token: Encodable {
        let userId: String
        let token: String
        let expiresAt: String
    }

    func add(to router: ServiceRouter) {
        router.on(APIRoutes.signIn) { request, context in
            guard Self.isLoopback(request.head.authority) else { throw Problem.notHere }
            if let origin = request.headers[.origin] {
                guard origin == "http://\(request.head.authority ?? "")" else { throw Problem.notHere }
            }
            let body = try await request.jsonBody(limits)
            guard let asked = try? UntrustedJSON.decode(Asked.self, from: Data(body)), let user = UserID(asked.userId) else {
                throw Problem.badRequest("Send {\"userId\": …} with 1 to 64 of A-Z, a-z, 0-9, '_' and '-'.")
            }
            var context = context
            context.user = user
            let (token, expiresAtMillis) = try await authority.mint(user, lifetimeMillis: Self.lifetimeMillis)
            return try JSONAnswer(
                Token(userId: user.text, token: token, expiresAt: RFC3339.text(expiresAtMillis)), status: .created)
        }
    }

    /// Whether a host field names this machine.
    static func isLoopback(_ authority: String?) -> Bool {
        guard let authority else { return false }
        let host =
            authority.hasPrefix("[")
            ? String(authority.prefix { $0 != "]" }) + "]" : String(authority.prefix { $0 != ":" })
        return ["127.0.0.1", "localhost", "[::1]"].contains(host.lowercased())
    }
}

extension Problem {
    static let notHere = Problem(
        "not-here", "Sign-in is for this machine's own page", .forbidden,
        "Open the page under the address it was announced with.")
}
