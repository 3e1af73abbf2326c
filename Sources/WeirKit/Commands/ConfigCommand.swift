import ArgumentParser

/// `config`: what the settings come to here, and from where.
struct ConfigCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "config", abstract: "Show every setting, its value and where that came from.",
            discussion: """
                Later ones win: defaults, the YAML file (--config or WEIR_CONFIG; nested names are joined with dots), \
                variables (checkpoint.interval is WEIR_CHECKPOINT_INTERVAL), flags and --set. Secrets are masked. Markdown is \
                what docs/settings.md holds.

                EXAMPLES
                  \(App.commandName) config --config production.yaml
                  \(App.commandName) config --describe --output json
                """)
    }

    @OptionGroup(title: "Settings")
    var flags: ConfigurationFlags
    @Flag(help: "Show what each setting means instead: its type, default, variable and flag.")
    var describe = false
    @Option(help: "table or json; with --describe, also markdown.")
    var output = Output.table

    enum Output: String, ExpressibleByArgument, CaseIterable { case table, json, markdown }

    private struct Entry: Encodable {
        let name: String
        let value: String
        let origin: String
    }

    func validate() throws {
        if output == .markdown && !describe { throw ValidationError("--output markdown goes with --describe") }
    }

    func run() throws {
        if describe { return try printDescriptions() }
        let entries = try flags.resolve(for: App.self).entries
            .map { Entry(name: $0.key.name, value: $0.shownText, origin: $0.origin.description) }
        if output == .json { return print(try JSONOutput.text(entries)) }
        var table = TextTable(["SETTING", "VALUE", "ORIGIN"])
        table.rows = entries.map { [$0.name, $0.value, $0.origin] }
        print(table.text)
    }

    private func printDescriptions() throws {
        let keys = try App.configurationTable().keys.map(KeyDescription.init)
        if output == .markdown { return print(Self.markdown(keys)) }
        if output == .json { return print(try JSONOutput.text(keys)) }
        var table = TextTable(["SETTING", "DEFAULT", "VARIABLE", "FLAG", "TYPE", "MEANING"])
        table.rows = keys.map { [$0.name, $0.default ?? "-", $0.variable, $0.flag ?? "-", $0.type, $0.help] }
        print(table.text)
    }

    /// Two tables: the settings of every executable, and those that this one adds.
    private static func markdown(_ keys: [KeyDescription]) -> String {
        let standard = Set(App.standardKeys.map(\.name))
        let tables = [
            ("Of every executable", keys.filter { standard.contains($0.name) }),
            ("Of `\(App.commandName)`", keys.filter { !standard.contains($0.name) }),
        ]
        return tables.map { title, keys in
            let rows = keys.map { key in
                let name = "`\(key.name)`" + (key.flag.map { " `\($0)`" } ?? "")
                return "| \(name) | \(key.type) | \(key.default.map { $0.isEmpty ? "" : "`\($0)`" } ?? "") | \(key.help) |"
            }
            return (["### \(title)", "", "| setting | takes | default | meaning |", "|---|---|---|---|"] + rows)
                .joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}

/// A key as documentation.
struct KeyDescription: Encodable {
    let name: String
    let type: String
    let `default`: String?
    let help: String
    let variable: String
    let flag: String?

    init(_ key: ConfigurationKey) {
        name = key.name
        type = key.type.description
        `default` = key.isSecret ? nil : key.defaultText
        help = key.help
        variable = key.environmentVariable
        flag = key.flag.map { "--\($0)" }
    }
}
