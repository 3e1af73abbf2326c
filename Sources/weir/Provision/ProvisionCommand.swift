import ArgumentParser
import StoreKit
import WeirKit

/// `provision`: makes what must exist in the outside systems that are configured.
struct ProvisionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provision", abstract: "Make the topics, tables and templates that services and jobs need.",
        discussion: """
            Makes what is missing in the systems that the settings name. Embedded stores make their files themselves; an \
            embedded log makes its topics when they are first written to, or here. Run it as often as you like. What exists \
            with other properties is reported, never changed. docs/provisioning.md lists everything.

            Exit code 1 says that something is not as required: it differs, or with --dry-run it is missing.

            EXAMPLES
              weir provision --dry-run --config production.yaml
              weir provision --set transport=kafka://kafka-1:9092 --set topics.partitions=16
              weir provision --describe
            """)

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Flag(help: "Only look, make nothing.") var dryRun = false
    @Flag(help: "Print the list of what is made, as Markdown, and ask nobody.") var describe = false
    @Option(help: "table or json.") var output = OutputFormat.table

    func run() async throws {
        let configuration = try flags.resolve(for: Weir.self)
        if describe { return say(try ProvisioningDocument(configuration).text) }
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        let report = try await resources.environment.shared.closing {
            let providers = try resources.providers(forWriting: !dryRun)
            do { return try await Provisioning.run(providers, creates: !dryRun) } catch let failure as ProvisioningFailure {
                throw CommandFailure("\(failure)")
            }
        }
        switch output {
        case .json: say(try JSONOutput.text(report.map(Row.init)))
        case .table: say(text(report, embedded: resources.embeddedParts))
        }
        let open = report.filter { !$0.isInPlace }
        guard open.isEmpty else {
            throw CommandFailure("\(open.count) of \(report.count) are not as required; see above and docs/provisioning.md")
        }
    }

    private func text(_ report: [ProvisionedResource], embedded: [String]) -> String {
        var lines: [String] = []
        if !report.isEmpty {
            var table = TextTable(["SYSTEM", "KIND", "NAME", "STATE"])
            table.rows = report.map { [$0.system, $0.resource.kind, $0.resource.name, $0.state] }
            lines.append(table.text)
        }
        for entry in report {
            guard case .differs(let differences) = entry.outcome else { continue }
            for difference in differences { lines.append("\(entry.resource.kind) \(entry.resource.name): \(difference)") }
        }
        if !embedded.isEmpty { lines.append("nothing to make: \(embedded.joined(separator: ", "))") }
        return lines.joined(separator: "\n")
    }

    /// One line of `--output json`.
    private struct Row: Encodable {
        let system: String
        let kind: String
        let name: String
        let state: String
        let differences: [ResourceDifference]

        init(_ entry: ProvisionedResource) {
            system = entry.system
            kind = entry.resource.kind
            name = entry.resource.name
            state = entry.state
            if case .differs(let differences) = entry.outcome { self.differences = differences } else { differences = [] }
        }
    }
}

extension ProvisionedResource {
    fileprivate var state: String {
        switch outcome {
        case .present: "present"
        case .created: "created"
        case .missing: "missing"
        case .differs: "differs"
        }
    }
}
