/// Names a user: 1 to 64 of `[A-Za-z0-9_-]`. Up to 15 characters are held inline, without allocation.
public struct UserID: Hashable, Sendable {
    /// The name as text.
    public let text: String

    /// The longest name.
    public static let bytesMax = 64

    /// Nil unless `text` is 1 to 64 of `[A-Za-z0-9_-]`.
    public init?(_ text: String) {
        guard NameRule.userID.accepts(text) else { return nil }
        self.text = text
    }

    /// Reads the name from UTF-8 bytes. Nil unless they follow the rule.
    public init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard NameRule.userID.accepts(bytes) else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// For names made by this module that follow the rule by construction.
    init(unchecked text: String) {
        assert(NameRule.userID.accepts(text), "\(text) is no name")
        self.text = text
    }
}

/// Names a share: 1 to 12 of `[A-Z0-9.]`, always held inline.
public struct Symbol: Hashable, Sendable {
    /// The name as text.
    public let text: String

    /// The longest name.
    public static let bytesMax = 12

    /// Nil unless `text` is 1 to 12 of `[A-Z0-9.]`.
    public init?(_ text: String) {
        guard NameRule.symbol.accepts(text) else { return nil }
        self.text = text
    }

    /// Reads the name from UTF-8 bytes. Nil unless they follow the rule.
    public init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard NameRule.symbol.accepts(bytes) else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// For names made by this module that follow the rule by construction.
    init(unchecked text: String) {
        assert(NameRule.symbol.accepts(text), "\(text) is no name")
        self.text = text
    }
}

extension UserID: Comparable, CustomStringConvertible {
    public static func < (left: UserID, right: UserID) -> Bool { left.text < right.text }
    public var description: String { text }
}

extension Symbol: Comparable, CustomStringConvertible {
    public static func < (left: Symbol, right: Symbol) -> Bool { left.text < right.text }
    public var description: String { text }
}

/// Which bytes a name may hold, as two 64-bit masks over ASCII, and how many.
private struct NameRule {
    let low: UInt64
    let high: UInt64
    let countMax: Int

    init(_ characters: String, countMax: Int) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        for byte in characters.utf8 {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
        }
        self.low = low
        self.high = high
        self.countMax = countMax
    }

    static let userID = NameRule(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", countMax: UserID.bytesMax)
    static let symbol = NameRule("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.", countMax: Symbol.bytesMax)

    func accepts(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { accepts($0) }
    }

    @inline(__always)
    func accepts(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count >= 1, bytes.count <= countMax else { return false }
        for byte in bytes {
            let mask = byte < 64 ? low : high
            if byte >= 128 || mask >> UInt64(byte & 63) & 1 == 0 { return false }
        }
        return true
    }
}
