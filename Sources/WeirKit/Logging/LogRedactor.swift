/// Takes secrets out of log lines: values of fields whose name says that they are one, passwords inside
/// URLs, and the very texts that were configured as secrets.
struct LogRedactor: Sendable {
    static let mask = "********"
    private static let secretWords = ["password", "passwd", "secret", "token", "authorization", "apikey", "api-key", "api_key"]

    private let secretTexts: [String]

    /// Shorter texts are not looked for: they would mask half of every line.
    init(secretTexts: [String] = []) {
        self.secretTexts = secretTexts.filter { $0.utf8.count >= 4 }.sorted { $0.utf8.count > $1.utf8.count }
    }

    func field(_ name: String, _ value: String) -> String {
        let lower = name.lowercased()
        if Self.secretWords.contains(where: { lower.contains($0) }) { return Self.mask }
        return text(value)
    }

    func text(_ text: String) -> String {
        var result = text
        for secret in secretTexts where result.contains(secret) {
            result = result.replacing(secret, with: Self.mask)
        }
        guard result.utf8.contains(UInt8(ascii: "@")), result.contains("://") else { return result }
        return result.replacing(#/://(?<user>[^\/\s:@]*):[^\/\s@]+@/#) { "://\($0.user):\(Self.mask)@" }
    }
}
