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
        // The first host became the authority; another one beside it is for somebody else to believe in.
        if request.headers[values: .host].count > 0 { throw .badRequest("There is more than one host field.") }
        for name in [HTTPField.Name.contentType, .authorization, .idempotencyKey, .internalCredential, .internalUser]
        where request.headers[values: name].count > 1 {
            throw .badRequest("The field \(name.canonicalName) is there more than once.")
        }
        let encodings = request.headers[values: .contentEncoding]
        guard encodings.allSatisfy({ $0.isEmpty || $0.lowercased() == "identity" }) else { throw .unsupportedContentEncoding }
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limits.bodyBytesMax {
            throw .contentTooLarge(limits)
        }
    }

    package static func isCanonical(_ path: some StringProtocol) -> Bool {
        let bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/") else { return false }
        guard bytes.allSatisfy({ $0 == UInt8(ascii: "/") || isUnreserved($0) }) else { return false }
        let segments = bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if bytes.count == 1 { return true }
        return segments.allSatisfy { segment in
            !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
        }
    }

    static func isQuery(_ query: some StringProtocol) -> Bool {
        var rest = Array(query.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard rest.count >= 2, rest.prefix(2).allSatisfy(isHexDigit) else { return false }
                rest = rest.dropFirst(2)
            } else if !isUnreserved(byte), !"!$&'()*+,;=:@/?".utf8.contains(byte) {
                return false
            }
        }
        return true
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
