/// A configuration key together with the Swift type of its value: declare it once, list its `key`, read it
/// with `configuration[setting]`.
///
///     struct Matching: ConfiguredJob {
///         static let batch = Setting.integer("matching.batch", default: 100, in: 1...10_000, help: "Orders per batch.")
///         static let configurationKeys = [batch.key]
///         let batch: Int
///         init(_ configuration: Configuration, _ environment: ApplicationEnvironment) { batch = configuration[Self.batch] }
///         …
///     }
public struct Setting<Value: Sendable>: Sendable {
    public let key: ConfigurationKey
    /// Total: a value that reached it has passed the key's type; `nil` means unset.
    let read: @Sendable (ConfigurationValue?) -> Value?
    let fallback: Value
}

extension Setting where Value == String {
    public static func string(
        _ name: String, default text: String, help: String, flag: String? = nil, isSecret: Bool = false
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .string, defaultText: text, help: help, flag: flag, isSecret: isSecret)
        return Setting(key: key, read: { $0?.string }, fallback: text)
    }
}

extension Setting where Value == String? {
    /// Unset unless given.
    public static func optionalString(
        _ name: String, help: String, flag: String? = nil, isSecret: Bool = false
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .string, defaultText: nil, help: help, flag: flag, isSecret: isSecret)
        return Setting(key: key, read: { $0?.string }, fallback: nil)
    }
}

extension Setting where Value == Int {
    public static func integer(
        _ name: String, default number: Int, in range: ClosedRange<Int> = .min ... .max, help: String, flag: String? = nil
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .integer(range), defaultText: String(number), help: help, flag: flag)
        return Setting(key: key, read: { $0?.number }, fallback: number)
    }

    /// In bytes.
    public static func bytes(
        _ name: String, default count: Int, in range: ClosedRange<Int> = 0 ... .max, help: String, flag: String? = nil
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .bytes(range), defaultText: ByteSize.text(count), help: help, flag: flag)
        return Setting(key: key, read: { $0?.number }, fallback: count)
    }

    /// In milliseconds.
    public static func millis(
        _ name: String, default millis: Int, in range: ClosedRange<Int> = 0 ... .max, help: String, flag: String? = nil
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .duration(millis: range), defaultText: DurationText.text(millis), help: help, flag: flag)
        return Setting(key: key, read: { $0?.number }, fallback: millis)
    }
}

extension Setting where Value == Int? {
    /// Unset unless given.
    public static func optionalInteger(
        _ name: String, in range: ClosedRange<Int> = .min ... .max, help: String, flag: String? = nil
    ) -> Self {
        let key = ConfigurationKey(name: name, type: .integer(range), defaultText: nil, help: help, flag: flag)
        return Setting(key: key, read: { $0?.number }, fallback: nil)
    }

    /// In milliseconds; unset unless given.
    public static func optionalMillis(
        _ name: String, in range: ClosedRange<Int> = 0 ... .max, help: String, flag: String? = nil
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .duration(millis: range), defaultText: nil, help: help, flag: flag)
        return Setting(key: key, read: { $0?.number }, fallback: nil)
    }
}

extension Setting where Value == Bool {
    public static func bool(_ name: String, default flagValue: Bool, help: String, flag: String? = nil) -> Self {
        let key = ConfigurationKey(
            name: name, type: .bool, defaultText: flagValue ? "true" : "false", help: help, flag: flag)
        return Setting(key: key, read: { $0?.bool }, fallback: flagValue)
    }
}

extension Setting where Value == [String] {
    public static func list(
        _ name: String, default items: [String] = [], help: String, flag: String? = nil, isSecret: Bool = false
    ) -> Self {
        let key = ConfigurationKey(
            name: name, type: .list, defaultText: items.joined(separator: ","), help: help, flag: flag, isSecret: isSecret)
        return Setting(key: key, read: { $0?.list }, fallback: items)
    }
}

extension Setting where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the cases of an enumeration, written as their raw values.
    public static func enumeration(_ name: String, default value: Value, help: String, flag: String? = nil) -> Self {
        let key = ConfigurationKey(
            name: name, type: .enumeration(Value.allCases.map(\.rawValue)), defaultText: value.rawValue, help: help,
            flag: flag)
        return Setting(key: key, read: { $0?.string.flatMap(Value.init(rawValue:)) }, fallback: value)
    }
}

extension ConfigurationValue {
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    var list: [String]? { if case .list(let items) = self { items } else { nil } }
    var number: Int? {
        switch self {
        case .integer(let number), .bytes(let number), .duration(let number): number
        case .string, .bool, .list: nil
        }
    }
}
