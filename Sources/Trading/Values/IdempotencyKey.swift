/// What a client calls one of its requests, so that repeating the request repeats nothing else: 1 to 128 visible
/// ASCII characters.
public struct IdempotencyKey: Hashable, Sendable {
    public let text: String

    /// The longest key.
    public static let bytesMax = 128

    /// Nil unless `text` follows the rule.
    public init?(_ text: String) {
        guard (1...Self.bytesMax).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        self.text = text
    }
}
