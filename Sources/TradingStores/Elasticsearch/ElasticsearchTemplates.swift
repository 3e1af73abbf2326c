import ConnectorElasticsearch
import Foundation
import StoreKit
import UntrustedJSON

/// The index template of the trade history, for `provision`.
public struct ElasticsearchTemplates: ResourceProvider {
    public let system = "elasticsearch"
    public let required: [RequiredResource]
    private let store: ElasticsearchTradeHistoryStore

    init(_ store: ElasticsearchTradeHistoryStore) {
        self.store = store
        required = Self.required(alias: store.alias)
    }

    /// The template, without asking anybody.
    public static func required(alias: String) -> [RequiredResource] {
        [
            RequiredResource(
                kind: "index template", name: alias, purpose: "an index of executed trades a month, behind one alias",
                properties: [ResourceProperty("index_patterns", "\(alias)-*"), ResourceProperty("alias", alias)])
        ]
    }

    public func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        for resource in resources {
            let (status, answer) = try await store.client.call(
                .get, "/_index_template/\(resource.name)", accepting: [404])
            guard status != 404 else { continue }
            found[resource.name] = Self.properties(answer)
        }
        return found
    }

    private static func properties(_ answer: Data) -> [String: String] {
        let object = UntrustedJSON.object(answer)
        let entry = (object?["index_templates"] as? [[String: Any]])?.first?["index_template"] as? [String: Any]
        let patterns = entry?["index_patterns"] as? [String] ?? []
        let aliases = (entry?["template"] as? [String: Any])?["aliases"] as? [String: Any] ?? [:]
        return ["index_patterns": patterns.joined(separator: ","), "alias": aliases.keys.sorted().joined(separator: ",")]
    }

    public func create(_ resource: RequiredResource) async throws { _ = try await store.provision() }
}

extension ElasticsearchTradeHistoryStore {
    /// What must exist before trades are recorded.
    public var templates: ElasticsearchTemplates { ElasticsearchTemplates(self) }
}
