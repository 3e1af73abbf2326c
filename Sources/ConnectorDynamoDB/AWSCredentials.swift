import Foundation
import UntrustedJSON

/// An access key, with a session token and an end when it is a temporary one.
package struct AWSCredentials: Hashable, Sendable {
    package let accessKeyID: String
    package let secretAccessKey: String
    package let sessionToken: String?
    /// Epoch milliseconds; nil: never.
    package let expiresAtMillis: Int64?

    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiresAtMillis: Int64? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiresAtMillis = expiresAtMillis
    }

    /// What a stand-in on this machine is signed with when nothing is configured: it checks no signatures.
    package static let standIn = AWSCredentials(accessKeyID: "local", secretAccessKey: "local")

    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; nil when not set.
    package static func fromEnvironment(_ environment: [String: String]) -> AWSCredentials? {
        guard let id = environment["AWS_ACCESS_KEY_ID"], !id.isEmpty,
            let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty
        else { return nil }
        let token = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token)
    }

    /// From the text of a shared credentials file: the keys under `[profile]`; nil when it has none.
    package static func fromSharedFile(_ text: String, profile: String) -> AWSCredentials? {
        var section = ""
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                section = line.dropFirst().dropLast().trimmingCharacters(in: .whitespaces)
            } else if section == profile, let equals = line.firstIndex(of: "=") {
                let name = line[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
                values[name] = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            }
        }
        guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else { return nil }
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: values["aws_session_token"])
    }

    /// From the answer of a container's credentials endpoint; nil when it is none.
    package static func fromContainer(_ body: Data) -> AWSCredentials? {
        guard let object = UntrustedJSON.object(body),
            let id = object["AccessKeyId"] as? String, let secret = object["SecretAccessKey"] as? String
        else { return nil }
        let end = (object["Expiration"] as? String).flatMap { try? Date($0, strategy: .iso8601) }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: object["Token"] as? String,
            expiresAtMillis: end.map { Int64($0.timeIntervalSince1970 * 1000) })
    }
}
