/// Checked settings, each with the place it came from. A value: reading it is cheap and safe on any thread.
public struct Configuration: Sendable {
    public struct Entry: Sendable {
        public let key: ConfigurationKey
        /// `nil`: unset.
        public let value: ConfigurationValue?
        public let origin: ConfigurationOrigin

        /// What may be shown: secrets masked, and passwords in URLs; `-` when unset.
        public var shownText: String {
            guard let value else { return "-" }
            if key.isSecret, !value.text.isEmpty { return LogRedactor.mask }
            return LogRedactor().text(value.text)
        }
    }

    private let entriesByName: [String: Entry]

    init(_ entries: [String: Entry]) { entriesByName = entries }

    /// The setting's value. Its key must be one this configuration was made with: what is not listed can be given by
    /// nobody, and would have its default for ever.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        guard let entry = entriesByName[setting.key.name] else {
            // A mistake in the program, said in release builds too, where preconditions lose their texts.
            fatalError("the setting '\(setting.key.name)' is read but not listed in configurationKeys")
        }
        return setting.read(entry.value) ?? setting.fallback
    }

    /// By name, for tools.
    public func entry(_ name: String) -> Entry? { entriesByName[name] }

    /// Where the setting's value came from.
    public func origin<Value>(of setting: Setting<Value>) -> ConfigurationOrigin {
        entriesByName[setting.key.name]?.origin ?? .default
    }

    /// All, sorted by name.
    public var entries: [Entry] { entriesByName.values.sorted { $0.key.name < $1.key.name } }

    /// The values of secret keys, for the log's redaction.
    public var secretValues: [String] {
        entriesByName.values.filter(\.key.isSecret)
            .flatMap { entry in entry.value.map { $0.list ?? [$0.text] } ?? [] }.filter { !$0.isEmpty }
    }
}
