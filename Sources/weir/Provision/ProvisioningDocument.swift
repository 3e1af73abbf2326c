import Jobs
import StoreKit
import TradingStores
import WeirKit

/// The list of everything `provision` makes, as docs/provisioning.md shows it: `provision --describe`.
struct ProvisioningDocument {
    private let sections: [(title: String, resources: [RequiredResource])]

    /// As these settings would have it; no system is asked.
    init(_ configuration: Configuration) throws {
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        sections = [
            ("Kafka", resources.topicPlan.onKafka),
            ("DynamoDB", DynamoDBTables.required(prefix: "")),
            ("Elasticsearch", ElasticsearchTemplates.required(alias: "trades")),
            ("ClickHouse", ClickHouseTables.list),
        ]
    }

    var text: String {
        sections.map { section in
            let rows = section.resources.map { resource in
                let properties = resource.properties.map { "`\($0.name)` \(Self.readable($0))" }.joined(separator: ", ")
                return "| `\(resource.name)` | \(resource.purpose) | \(properties) |"
            }
            let kind = section.resources.first?.kind ?? "resource"
            return (["### \(section.title)", "", "| \(kind) | for | fixed |", "|---|---|---|"] + rows).joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    /// Milliseconds get their everyday name beside them.
    private static func readable(_ property: ResourceProperty) -> String {
        guard property.name.hasSuffix(".ms"), let millis = Int(property.value) else { return property.value }
        return millis < 0 ? "\(property.value) (for ever)" : "\(property.value) (\(DurationText.text(millis)))"
    }
}
