/// One outside system in which resources are made.
public protocol ResourceProvider: Sendable {
    /// Its name in reports: `kafka`, `dynamodb`, …
    var system: String { get }
    /// What must exist in it, in the order to make it.
    var required: [RequiredResource] { get }

    /// The properties of those that exist, by resource name. Changes nothing.
    func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]]

    /// Makes one that is missing, and returns once it can be used. One that somebody else makes meanwhile is no
    /// error.
    func create(_ resource: RequiredResource) async throws
}

/// What was found, and what was made, of one resource.
public struct ProvisionedResource: Sendable {
    public enum Outcome: Sendable {
        case present
        case created
        /// It would have been made.
        case missing
        case differs([ResourceDifference])
    }

    public let system: String
    public let resource: RequiredResource
    public let outcome: Outcome

    public init(system: String, resource: RequiredResource, outcome: Outcome) {
        self.system = system
        self.resource = resource
        self.outcome = outcome
    }

    /// Whether it can be used as required.
    public var isInPlace: Bool {
        switch outcome {
        case .present, .created: true
        case .missing, .differs: false
        }
    }
}

/// Looks at every resource, makes what is missing, changes nothing that exists.
public enum Provisioning {
    /// Idempotent: a second run finds everything present.
    /// - Parameter creates: false only looks.
    /// - Throws: what a provider throws, named after its system (`ProvisioningFailure`). What was made before stays.
    public static func run(_ providers: [any ResourceProvider], creates: Bool) async throws -> [ProvisionedResource] {
        var report: [ProvisionedResource] = []
        for provider in providers {
            do {
                report += try await run(provider, creates: creates)
            } catch {
                throw ProvisioningFailure(system: provider.system, cause: error)
            }
        }
        return report
    }

    private static func run(_ provider: any ResourceProvider, creates: Bool) async throws -> [ProvisionedResource] {
        let found = try await provider.find(provider.required)
        var report: [ProvisionedResource] = []
        for resource in provider.required {
            let outcome: ProvisionedResource.Outcome
            switch resource.condition(found[resource.name]) {
            case .present: outcome = .present
            case .differs(let differences): outcome = .differs(differences)
            case .missing:
                if creates { try await provider.create(resource) }
                outcome = creates ? .created : .missing
            }
            report.append(ProvisionedResource(system: provider.system, resource: resource, outcome: outcome))
        }
        return report
    }
}

/// A system in which resources could not be looked at or made.
public struct ProvisioningFailure: Error, CustomStringConvertible {
    public let system: String
    public let cause: any Error

    public var description: String { "\(system): \(cause)" }
}
