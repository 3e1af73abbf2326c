/// Checked settings, each with the place it came from. A value: reading it is cheap and safe on any thread.
public struct Configuration: Sendable {
    public struct Entry: Sendable {
        public let key: ConfigurationKey
        /// `nil`: unset.
        public let value: ConfigurationValue?
        public let origin: ConfigurationOrigin

        /// What may be shown: secrets masked, `-` when unset.
        public var shownText: String {
            guard let value else { return "-" }
            return key.isSecret && !value.text.isEmpty ? "********" : value.text
        }
    }

    private let entriesByName: [String: Entry]

    init(_ entries: [String: Entry]) { entriesByName = entries }

    /// The setting's value; its own default when this configuration was made without its key.
    public subscript<Value>(setting: Setting<Value>) -> Value {
        setting.read(entriesByName[setting.key.name]?.value) ?? setting.fallback
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
        entriesByName.values.compactMap { $0.key.isSecret ? $0.value?.text : nil }.filter { !$0.isEmpty }
    }
}
