import HTTPTypes
import WeirKit

/// Who may ask the server for something. Pure.
///
/// With a token, whoever presents it. Without one the server is bound to loopback, and then the danger is the browser: a page
/// from elsewhere may send requests to this machine, under a name of its own that it points here (so the Host is looked at),
/// or from its own origin (so that is).
package struct AccessRule: Sendable {
    private let token: String?

    package init(token: String?) { self.token = token }

    /// Why the request is refused; `nil` when it is not.
    package func refusal(
        method: HTTPRequest.Method, host: String?, origin: String?, authorization: String?
    ) -> ControlError? {
        if let token {
            guard BearerToken.isPresented(token, by: authorization) else {
                return ControlError(.unauthorized, "present the server's token: 'Authorization: Bearer …' (server.token)")
            }
            return nil
        }
        guard let host, LoopbackHost.isNamed(by: host) else {
            return ControlError(.forbidden, "ask for this server as localhost or 127.0.0.1, or give it a token (server.token)")
        }
        if let origin, method != .get, method != .head, origin != "http://\(host)" {
            return ControlError(.forbidden, "requests from pages of \(origin) are refused")
        }
        return nil
    }
}
