import HTTPServing
import HTTPTypes
import Hummingbird

/// What every request must keep to before it is routed. Pure.
///
/// A path has one spelling only: segments of `[A-Za-z0-9._~-]` with single slashes between. Nothing served here needs
/// more, and a path that two programs on the way could read differently (`%2e%2e`, `//`, `\`) never gets to mean
/// anything. A query is of the characters RFC 3986 has for it, so that every program on the way hands it on as it is.
package enum RequestRules {
    static func check(_ request: Request, _ limits: HTTPLimits) throws(Problem) {
        guard let target = request.head.path, isCanonical(target.prefix { $0 != "?" }) else {
            throw .badRequest("The path is not in its plain form: segments of letters, digits and -._~ after single slashes.")
        }
        guard isQuery(target.drop { $0 != "?" }.dropFirst()) else {
            throw .badRequest("The query has characters that must be percent-encoded, or a % without two hex digits.")
        }
        if let refusal = HostRule.refusal(request.head) { throw .badRequest(refusal) }
        for name in [HTTPField.Name.contentType, .authorization, .idempotencyKey, .internalCredential, .internalUser]
        where request.headers[values: name].count > 1 {
            throw .badRequest("The field \(name.canonicalName) is there more than once.")
        }
        let encodings = request.headers[values: .contentEncoding]
        guard encodings.allSatisfy({ $0.isEmpty || $0.lowercased() == "identity" }) else { throw .unsupportedContentEncoding }
        if BodyRule.isTooLarge(request.head, max: limits.bodyBytesMax) { throw .contentTooLarge(limits) }
    }

    package static func isCanonical(_ path: some StringProtocol) -> Bool {
        let bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/") else { return false }
        guard bytes.allSatisfy({ $0 == UInt8(ascii: "/") || URICharacters.isUnreserved($0) }) else { return false }
        let segments = bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if bytes.count == 1 { return true }
        return segments.allSatisfy { segment in
            !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
        }
    }

    static func isQuery(_ query: some StringProtocol) -> Bool { URICharacters.areEncoded(query.utf8, with: ":@/?") }
}
