/// Finds aliases in YAML before a parser does. What an alias stands for may hold aliases again: ten lines can stand for a
/// billion nodes, and the parser visits every one of them.
enum YAMLAliases {
    /// The line (from 1) of the first anchor of a text that has aliases too. Looks at words and comments only, not at
    /// quotes: a quoted text with both an `&word` and a `*word` is taken for one that uses them.
    static func line(in text: String) -> Int? {
        var anchor: Int?
        var hasAlias = false
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            var before: UInt8?
            var mark: UInt8?
            for byte in line {
                let beginsWord = before.map { isSpace($0) || "[]{},:?-".utf8.contains($0) } ?? true
                if byte == UInt8(ascii: "#"), before.map(isSpace) ?? true { break }
                if let found = mark, !isSpace(byte) {
                    if found == UInt8(ascii: "*") { hasAlias = true } else { anchor = anchor ?? index + 1 }
                }
                mark = beginsWord && (byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*")) ? byte : nil
                before = byte
            }
        }
        return hasAlias ? anchor : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}
