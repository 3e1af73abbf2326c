/// Every key an executable knows: the standard ones, those of its backends, of its jobs, and its own.
public struct ConfigurationTable: Sendable {
    /// Sorted by name.
    public let keys: [ConfigurationKey]
    private let byName: [String: ConfigurationKey]
    private let byVariable: [String: ConfigurationKey]

    /// Keys declared twice in the same way count once. Throws `ConfigurationRefusal` when two declarations
    /// of a name differ, two names have the same environment variable, or a default is not of its type.
    public init(_ keys: some Sequence<ConfigurationKey>) throws {
        var byName: [String: ConfigurationKey] = [:]
        var byVariable: [String: ConfigurationKey] = [:]
        var problems: [String] = []
        for key in keys where byName[key.name] != key {
            if !key.isWellFormed {
                problems.append(
                    "key '\(key.name)' is not well formed: lower-case words of letters, digits and '-', joined with '.'")
            } else if byName[key.name] != nil {
                problems.append("key '\(key.name)' is declared twice, differently; give one of the two another name")
            } else if let other = byVariable[key.environmentVariable] {
                problems.append(
                    "keys '\(key.name)' and '\(other.name)' share the variable \(key.environmentVariable); rename one")
            }
            if let text = key.defaultText, key.type.parse(text) == nil {
                problems.append("the default '\(text)' of key '\(key.name)' is not \(key.type)")
            }
            byName[key.name] = key
            byVariable[key.environmentVariable] = key
        }
        guard problems.isEmpty else { throw ConfigurationRefusal(problems) }
        self.keys = byName.values.sorted { $0.name < $1.name }
        self.byName = byName
        self.byVariable = byVariable
    }

    public subscript(name: String) -> ConfigurationKey? { byName[name] }
    func key(variable: String) -> ConfigurationKey? { byVariable[variable] }
}

/// Settings that cannot be used: one line per problem, each naming what was given, where, and what to do.
public struct ConfigurationRefusal: Error, Sendable, CustomStringConvertible {
    public let problems: [String]

    public init(_ problems: [String]) { self.problems = problems }

    public var description: String { problems.joined(separator: "\n") }
}

/// Where a value came from, weakest first.
public enum ConfigurationOrigin: Sendable, Hashable, CustomStringConvertible {
    case `default`
    case file(path: String, line: Int)
    case environment(variable: String)
    /// As written: `--parallelism`, `--set parallelism`.
    case flag(String)

    public var description: String {
        switch self {
        case .default: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let variable): "variable \(variable)"
        case .flag(let flag): "flag \(flag)"
        }
    }
}
