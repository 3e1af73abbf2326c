import Crypto
import Foundation
import Trading

/// SHA-256 of a request's body, byte for byte.
public struct RequestHash: Hashable, Sendable, CustomStringConvertible {
    /// 64 hex digits.
    public let text: String

    /// The hash of `body`.
    public init(of body: [UInt8]) {
        let digits = SHA256.hash(data: body).flatMap { [HexDigits.digit($0 >> 4), HexDigits.digit($0 & 15)] }
        text = String(decoding: digits, as: UTF8.self)
    }

    /// Reads what `text` gave. Nil for anything else.
    public init?(_ text: String) {
        let isHex = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        guard text.utf8.count == 64, isHex else { return nil }
        self.text = text
    }

    public var description: String { text }
}
