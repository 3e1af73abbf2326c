import Crypto
import Foundation

/// Tokens written by hand, so that they can be wrong in any way.
enum TestToken {
    /// Signed with HMAC, as `hash` says.
    static func make<Hash: HashFunction>(
        header: String = #"{"alg":"HS256","typ":"JWT"}"#, payload: String, key: String = SecuredSystem.tokenSecret,
        hash: Hash.Type
    ) -> String {
        let signed = "\(encoded(header)).\(encoded(payload))"
        let code = HMAC<Hash>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: Data(key.utf8)))
        return "\(signed).\(base64URL(Data(code)))"
    }

    static func make(
        header: String = #"{"alg":"HS256","typ":"JWT"}"#, payload: String, key: String = SecuredSystem.tokenSecret
    ) -> String {
        make(header: header, payload: payload, key: key, hash: SHA256.self)
    }

    /// What a good token says; a claim can be given otherwise, or left out by nil.
    static func claims(
        sub: String? = "ada", aud: String? = "weir", iss: String? = SecuredSystem.issuer, expiresIn: Double? = 3_600,
        notBeforeIn: Double? = nil, more: String = ""
    ) -> String {
        let now = Date().timeIntervalSince1970.rounded()
        var fields: [String] = []
        if let sub { fields.append("\"sub\":\"\(sub)\"") }
        if let aud { fields.append("\"aud\":\"\(aud)\"") }
        if let iss { fields.append("\"iss\":\"\(iss)\"") }
        if let expiresIn { fields.append("\"exp\":\(Int(now + expiresIn))") }
        if let notBeforeIn { fields.append("\"nbf\":\(Int(now + notBeforeIn))") }
        if !more.isEmpty { fields.append(more) }
        return "{\(fields.joined(separator: ","))}"
    }

    static func encoded(_ text: String) -> String { base64URL(Data(text.utf8)) }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
