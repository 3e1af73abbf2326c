import Foundation
import Hummingbird

/// The query of a request, read strictly: a parameter that is unknown or given twice is refused, so that a typing
/// mistake does not silently widen what is asked. `+` is a space, as forms encode it.
package struct QueryParameters: Sendable {
    private let values: [String: String]

    /// - Parameter names: the parameters the route knows.
    package init(_ request: Request, _ names: [String]) throws(Problem) {
        var values: [String: String] = [:]
        for pair in (request.uri.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), let value = Self.decoded(parts.count > 1 ? parts[1] : "") else {
                throw .badRequest("The query is not percent-encoded UTF-8.")
            }
            guard names.contains(name) else {
                let known = names.isEmpty ? "none" : names.joined(separator: ", ")
                throw .badRequest("The query parameter '\(Self.shown(name))' is unknown; known are: \(known).")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw .badRequest("The query parameter '\(name)' is given twice.")
            }
        }
        self.values = values
    }

    /// Nil when absent; an empty value counts as absent.
    package subscript(_ name: String) -> String? {
        values[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The value made by `make`, nil when absent. Throws 400 with `rule` when `make` cannot.
    package func value<Value>(_ name: String, _ rule: String, _ make: (String) -> Value?) throws(Problem) -> Value? {
        guard let text = self[name] else { return nil }
        guard let value = make(text) else { throw .badRequest("The query parameter '\(name)' must be \(rule).") }
        return value
    }

    /// Nil for a `%` without two hex digits, and for what is not UTF-8 then.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
    }

    /// What a client wrote, fit to be said back.
    private static func shown(_ name: String) -> String {
        String(name.unicodeScalars.filter { $0.isASCII && $0.value >= 32 && $0.value != 127 }.prefix(40).map(Character.init))
    }
}
