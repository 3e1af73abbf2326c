import Foundation

/// What was given, before it is checked: a file, the environment, flags. `resolve` lays them over the
/// defaults: defaults < file < environment < flags.
///
/// Read with our own few lines on Yams and not with swift-configuration: its providers answer for the keys
/// they are asked about, so that an unknown key cannot be refused, and they keep no file and line.
public struct ConfigurationLayers: Sendable {
    /// One `name = text`, not yet checked.
    struct Given: Sendable {
        var name: String
        var text: String
        var origin: ConfigurationOrigin
    }

    /// A YAML file; nested maps are flattened with dots.
    public var file: String?
    public var environment: [String: String]
    /// Values of dedicated flags.
    public var flags: [(key: String, flag: String, value: String)] = []
    /// Texts of `--set key=value`.
    public var settings: [String] = []

    /// `file` `nil`: the one `WEIR_CONFIG` names, if any.
    public init(file: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.file = file ?? environment["WEIR_CONFIG"]
        self.environment = environment
    }

    /// All problems of all layers are refused together.
    public func resolve(_ table: ConfigurationTable) throws -> Configuration {
        var problems: [String] = []
        var given: [Given] = []
        if let file { given += try ConfigurationFile.read(path: file) }
        given += environmentValues(table, &problems)
        for flag in flags { given.append(Given(name: flag.key, text: flag.value, origin: .flag(flag.flag))) }
        given += setValues(&problems)
        var entries: [String: Configuration.Entry] = [:]
        for key in table.keys {
            entries[key.name] = .init(key: key, value: key.defaultText.flatMap(key.type.parse), origin: .default)
        }
        for item in given {
            guard let key = table[item.name] else {
                problems.append(Self.unknown(item, table))
                continue
            }
            guard let value = key.type.parse(item.text) else {
                problems.append(Self.badValue(item, key))
                continue
            }
            if item.text.isEmpty, case .string = key.type, key.defaultText?.isEmpty == false {
                if case .environment = item.origin { continue }  // a variable that is set to nothing is as good as none
                problems.append("\(item.origin): \(key.name) is empty; leave it out for the default, '\(key.defaultText ?? "")'")
                continue
            }
            entries[key.name] = .init(key: key, value: value, origin: item.origin)
        }
        guard problems.isEmpty else { throw ConfigurationRefusal(problems) }
        return Configuration(entries)
    }

    // MARK: Environment

    private func environmentValues(_ table: ConfigurationTable, _ problems: inout [String]) -> [Given] {
        var given: [Given] = []
        for (variable, text) in environment.sorted(by: { $0.key < $1.key }) where Self.isOurs(variable, text) {
            if let key = table.key(variable: variable) {
                given.append(Given(name: key.name, text: text, origin: .environment(variable: variable)))
            } else if !Self.libraryVariables.contains(variable) {
                let known = table.keys.map(\.environmentVariable)
                problems.append(
                    "variable \(variable) names no setting.\(Nearest.suggestion(variable, among: known))"
                        + " 'config' lists all settings.")
            }
        }
        return given
    }

    /// Variables that Weir's client libraries read by themselves in programs that do not declare them as settings.
    public static let libraryVariables: Set<String> = [
        "WEIR_ELASTICSEARCH_API_KEY", "WEIR_ELASTICSEARCH_USER", "WEIR_ELASTICSEARCH_PASSWORD", "WEIR_CLICKHOUSE_USER",
        "WEIR_CLICKHOUSE_PASSWORD",
    ]

    /// What a process is given that gets its settings from another one: the environment without settings, but with what
    /// libraries read.
    public static func withoutSettings(_ environment: [String: String]) -> [String: String] {
        environment.filter { !$0.key.hasPrefix("WEIR_") || libraryVariables.contains($0.key) }
    }

    /// Variables with our prefix that are not settings: the config file's name, what tests and scripts use, and what
    /// Kubernetes adds to every pod for a service called `weir…` (WEIR_SERVICE_HOST, WEIR_PORT_9600_TCP, …).
    private static func isOurs(_ variable: String, _ text: String) -> Bool {
        guard variable.hasPrefix("WEIR_"), variable != "WEIR_CONFIG", !variable.hasPrefix("WEIR_TEST_") else {
            return false
        }
        let isServiceLink =
            variable.hasSuffix("_SERVICE_HOST") || variable.contains("_SERVICE_PORT")
            || (variable.contains("_PORT") && (text.hasPrefix("tcp://") || text.hasPrefix("udp://")))
            || variable.contains(#/_PORT_[0-9]+_(TCP|UDP|SCTP)/#)
        return !isServiceLink
    }

    // MARK: --set

    private func setValues(_ problems: inout [String]) -> [Given] {
        settings.compactMap { text in
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                problems.append("flag --set \(text): expected key=value")
                return nil
            }
            let name = String(text[..<equals]).trimmed
            return Given(name: name, text: String(text[text.index(after: equals)...]), origin: .flag("--set \(name)"))
        }
    }

    // MARK: Refusals

    private static func unknown(_ item: Given, _ table: ConfigurationTable) -> String {
        let within = table.keys.filter { $0.name.hasPrefix(item.name + ".") }.map(\.name)
        if let first = within.first {
            return "\(item.origin): '\(item.name)' is a group of settings, not one (for example '\(first)')"
        }
        return "\(item.origin): unknown setting '\(item.name)'."
            + "\(Nearest.suggestion(item.name, among: table.keys.map(\.name))) 'config' lists all settings."
    }

    private static func badValue(_ item: Given, _ key: ConfigurationKey) -> String {
        let shown = key.isSecret ? "a value" : "'\(item.text)'"
        var text = "\(item.origin): \(shown) is not a value of \(key.name), which takes \(key.type)"
        if case .enumeration(let allowed) = key.type, let nearest = Nearest.match(item.text, among: allowed) {
            text += "; did you mean '\(nearest)'?"
        }
        return text
    }
}
