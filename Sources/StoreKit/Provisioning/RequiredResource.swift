/// Something that must exist in an outside system before services and jobs can work: a topic, a table, a template.
public struct RequiredResource: Hashable, Sendable {
    /// `topic`, `table`, …
    public let kind: String
    public let name: String
    /// What it is for, in a few words; not compared.
    public let purpose: String
    /// What is fixed about it and compared with what exists, in the order it is told.
    public let properties: [ResourceProperty]

    public init(kind: String, name: String, purpose: String, properties: [ResourceProperty] = []) {
        self.kind = kind
        self.name = name
        self.purpose = purpose
        self.properties = properties
    }

    /// How what exists compares. Properties that are found but not asked for are nobody's concern here.
    /// - Parameter found: its properties by name; nil when there is no such thing.
    public func condition(_ found: [String: String]?) -> ResourceCondition {
        guard let found else { return .missing }
        let differences = properties.compactMap { property -> ResourceDifference? in
            let value = found[property.name]
            return value == property.value ? nil : ResourceDifference(property.name, wanted: property.value, found: value)
        }
        return differences.isEmpty ? .present : .differs(differences)
    }
}

/// One fixed property of a resource, as text.
public struct ResourceProperty: Hashable, Sendable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// How a resource that exists, or does not, compares with what is required.
public enum ResourceCondition: Hashable, Sendable {
    case present
    case missing
    /// It exists otherwise. Never changed by us: raising a partition count moves keys, another key schema is
    /// another table.
    case differs([ResourceDifference])
}

/// One property that is not as required.
public struct ResourceDifference: Hashable, Sendable, Codable, CustomStringConvertible {
    public let property: String
    public let wanted: String
    /// Nil: it is not set.
    public let found: String?

    public init(_ property: String, wanted: String, found: String?) {
        self.property = property
        self.wanted = wanted
        self.found = found
    }

    public var description: String { "\(property) is \(found ?? "not set"), required is \(wanted)" }
}
