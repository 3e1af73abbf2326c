import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Trading

/// The secret that the gateway and the services share: without it a service refuses, so that nobody who reaches its
/// port can act for a user. Never printed.
package struct InternalCredential: Sendable, CustomStringConvertible, CustomReflectable {
    package static let bytesMin = 16
    package let text: String

    /// Nil for a text shorter than `bytesMin`, or one that a header cannot carry.
    package init?(_ text: String) {
        guard text.utf8.count >= Self.bytesMin, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self.text = text
    }

    private init(made text: String) { self.text = text }

    /// A fresh one, for services of one process.
    package static func random() -> InternalCredential {
        InternalCredential(made: SecretFile.randomText())
    }

    package var description: String { "********" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Whether `given` is this secret; takes as long for any text.
    func matches(_ given: String?) -> Bool {
        guard let given else { return false }
        return SHA256.hash(data: Data(given.utf8)) == SHA256.hash(data: Data(text.utf8))
    }

    /// Whom a request of the gateway acts for. Throws 401 for anybody else's request.
    package func user(of request: Request, _ context: inout APIContext) throws(Problem) -> UserID {
        guard matches(request.headers[.internalCredential]) else {
            throw .notThroughGateway
        }
        guard let user = request.headers[.internalUser].flatMap({ UserID($0) }) else {
            throw .badRequest("The field x-weir-user names no user.")
        }
        context.user = user
        return user
    }
}

extension Problem {
    static let notThroughGateway = Problem(
        "not-through-gateway", "Requests come through the gateway", .unauthorized, "This service serves the gateway only.")
}
