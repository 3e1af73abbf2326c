/// One documented setting: its name, its type, where it can be given, and what it does. All settings of an
/// executable together form one `ConfigurationTable`; nothing reads the environment or a file beside it.
///
/// Made by `Setting`, which adds the Swift type of the value.
public struct ConfigurationKey: Sendable, Hashable {
    /// What a value must look like.
    public enum ValueType: Sendable, Hashable {
        case string
        case integer(ClosedRange<Int>)
        /// A number of bytes: `512`, `64KiB`, `1.5GiB`.
        case bytes(ClosedRange<Int>)
        /// A time span in milliseconds: `250ms`, `1s`, `2m`, `1h`, `7d`.
        case duration(millis: ClosedRange<Int>)
        case bool
        case enumeration([String])
        /// Texts separated by commas, or a YAML sequence.
        case list
    }

    /// Dotted, lower case: `checkpoint.interval`.
    public let name: String
    public let type: ValueType
    /// As a user would write it; `nil`: unset.
    public let defaultText: String?
    /// One line.
    public let help: String
    /// The command-line flag without dashes, where there is one; every key can be set with `--set` too.
    public let flag: String?
    /// Never shown or logged.
    public let isSecret: Bool

    public init(
        name: String, type: ValueType, defaultText: String?, help: String, flag: String? = nil, isSecret: Bool = false
    ) {
        self.name = name
        self.type = type
        self.defaultText = defaultText
        self.help = help
        self.flag = flag
        self.isSecret = isSecret
    }

    /// `checkpoint.interval` → `WEIR_CHECKPOINT_INTERVAL`.
    public var environmentVariable: String { Self.environmentVariable(of: name) }

    public static func environmentVariable(of name: String) -> String {
        "WEIR_" + String(name.map { $0 == "." || $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    /// Lower-case words of letters, digits and dashes, joined with dots.
    var isWellFormed: Bool {
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 100
            && words.allSatisfy { word in
                word.first.map { $0.isASCII && $0.isLowercase } ?? false
                    && word.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 }
            }
    }
}

extension ConfigurationKey.ValueType: CustomStringConvertible {
    /// For help texts and refusals.
    public var description: String {
        switch self {
        case .string: "a text"
        case .integer(let range): "a whole number" + Self.limits(range) { String($0) }
        case .bytes(let range): "a size like 512, 64KiB or 1.5GiB" + Self.limits(range, ByteSize.text)
        case .duration(let range): "a duration like 250ms, 1s or 2m" + Self.limits(range, DurationText.text)
        case .bool: "true or false"
        case .enumeration(let allowed): "one of " + allowed.joined(separator: ", ")
        case .list: "texts separated by commas"
        }
    }

    private static func limits(_ range: ClosedRange<Int>, _ text: (Int) -> String) -> String {
        switch (range.lowerBound == .min, range.upperBound == .max) {
        case (true, true): ""
        case (true, false): ", at most \(text(range.upperBound))"
        case (false, true): range.lowerBound == 0 ? "" : ", at least \(text(range.lowerBound))"
        case (false, false): " from \(text(range.lowerBound)) to \(text(range.upperBound))"
        }
    }
}

/// A value of one of the types a key can have.
public enum ConfigurationValue: Sendable, Hashable {
    case string(String)
    case integer(Int)
    case bytes(Int)
    case duration(millis: Int)
    case bool(Bool)
    case list([String])

    /// In the form a user would write.
    public var text: String {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bytes(let count): ByteSize.text(count)
        case .duration(let millis): DurationText.text(millis)
        case .bool(let flag): flag ? "true" : "false"
        case .list(let items): items.joined(separator: ",")
        }
    }
}

extension ConfigurationKey.ValueType {
    /// `nil` when `text` is not of this type or outside its limits.
    public func parse(_ text: String) -> ConfigurationValue? {
        switch self {
        case .string: return .string(text)
        case .integer(let range):
            return Int(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .bytes(let range):
            return ByteSize.parse(text).flatMap { range.contains($0) ? .bytes($0) : nil }
        case .duration(let range):
            return DurationText.parse(text).flatMap { range.contains($0) ? .duration(millis: $0) : nil }
        case .bool:
            switch text.lowercased() {
            case "true", "yes", "on", "1": return .bool(true)
            case "false", "no", "off", "0": return .bool(false)
            default: return nil
            }
        case .enumeration(let allowed): return allowed.contains(text) ? .string(text) : nil
        case .list:
            return .list(
                text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty })
        }
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    var trimmed: String {
        let kept = drop { $0 == " " || $0 == "\t" }
        guard let last = kept.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(kept[...last])
    }
}
