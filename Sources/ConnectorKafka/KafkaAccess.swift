import CRdKafka

/// One access rule (ACL) of a cluster.
public struct KafkaAccessRule: Sendable, Hashable {
    public enum Resource: String, Sendable { case topic, group, cluster }
    public enum Operation: String, Sendable {
        case read = "Read"
        case write = "Write"
        case create = "Create"
        case delete = "Delete"
        case alter = "Alter"
        case describe = "Describe"
        case idempotentWrite = "IdempotentWrite"
        case all = "All"
    }

    public let resource: Resource
    public let name: String
    /// For all whose names begin so.
    public let isPrefix: Bool
    /// `User:NAME`; `User:*` is everybody.
    public let principal: String
    /// `*`: from anywhere.
    public let host: String
    public let operation: Operation
    /// Else it denies.
    public let allows: Bool

    public init(
        _ resource: Resource, _ name: String, isPrefix: Bool = false, principal: String, host: String = "*",
        _ operation: Operation, allows: Bool = true
    ) {
        self.resource = resource
        self.name = name
        self.isPrefix = isPrefix
        self.principal = principal
        self.host = host
        self.operation = operation
        self.allows = allows
    }

    fileprivate func isAbout(_ resource: Resource, _ name: String) -> Bool {
        self.resource == resource && (isPrefix ? name.hasPrefix(self.name) : self.name == name || self.name == "*")
    }
}

/// What a user may do by the rules of a cluster, as Kafka's own authorizer reads them: what is denied is refused whatever else
/// allows it, and what no rule allows is refused. Pure.
public struct KafkaAccess: Sendable {
    public static let clusterName = "kafka-cluster"
    private let rules: [KafkaAccessRule]

    /// `principal`: `nil` when it is not known, then what everybody may.
    public init(_ rules: [KafkaAccessRule], principal: String?) {
        self.rules = rules.filter { $0.principal == "User:*" || $0.principal == principal }
    }

    public func allows(_ operation: KafkaAccessRule.Operation, _ resource: KafkaAccessRule.Resource, _ name: String) -> Bool {
        let about = rules.filter { $0.isAbout(resource, name) }
        // A rule for one host may be for another than this one: it allows, as far as can be told here, and denies nothing.
        let isDenied = about.contains { !$0.allows && $0.host == "*" && [operation, .all].contains($0.operation) }
        return !isDenied && about.contains { $0.allows && Self.includes($0.operation, operation) }
    }

    /// Who may write may write idempotently since Kafka 2.8 (KIP-679), before that only who may on the whole cluster.
    public func allowsIdempotentWrite(to topics: [String]) -> Bool {
        allows(.idempotentWrite, .cluster, Self.clusterName) || topics.contains { allows(.write, .topic, $0) }
    }

    /// Rules that do not let a user see the rules are not those that it is judged by: it is a super user, or known to the
    /// brokers under another name.
    public var isBelievable: Bool { allows(.describe, .cluster, Self.clusterName) }

    private static func includes(_ allowed: KafkaAccessRule.Operation, _ operation: KafkaAccessRule.Operation) -> Bool {
        if allowed == .all || allowed == operation { return true }
        return operation == .describe && [.read, .write, .delete, .alter].contains(allowed)
    }
}

extension KafkaConfiguration {
    /// What the brokers call this user, where that follows from the properties alone: not with TLS certificates, tokens or
    /// Kerberos.
    public var principal: String? {
        let security = properties["security.protocol"]?.lowercased() ?? "plaintext"
        guard security.hasPrefix("sasl") else { return security == "plaintext" ? "User:ANONYMOUS" : nil }
        let mechanism = (properties["sasl.mechanism"] ?? properties["sasl.mechanisms"])?.uppercased() ?? "GSSAPI"
        guard mechanism == "PLAIN" || mechanism.hasPrefix("SCRAM-") else { return nil }
        return properties["sasl.username"].map { "User:\($0)" }
    }
}

extension KafkaAdmin {
    /// The rules for topics, groups and the cluster; `nil` where there are none at all: everybody may do everything.
    public func accessRules() throws -> [KafkaAccessRule]? {
        var text = [CChar](repeating: 0, count: 256)
        guard
            let filter = rd_kafka_AclBindingFilter_new(
                RD_KAFKA_RESOURCE_ANY, nil, RD_KAFKA_RESOURCE_PATTERN_ANY, nil, nil, RD_KAFKA_ACL_OPERATION_ANY,
                RD_KAFKA_ACL_PERMISSION_TYPE_ANY, &text, text.count)
        else { throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "access rules", detail: String(cCharacters: text)) }
        defer { rd_kafka_AclBinding_destroy(filter) }
        var rules: [KafkaAccessRule] = []
        do {
            try perform("access rules", RD_KAFKA_ADMIN_OP_DESCRIBEACLS) { options, queue in
                rd_kafka_DescribeAcls(handle.pointer, filter, options, queue)
            } read: { event in
                var count = 0
                let result = rd_kafka_event_DescribeAcls_result(event)
                guard let list = rd_kafka_DescribeAcls_result_acls(result, &count) else { return }
                rules = (0..<count).compactMap { list[$0].flatMap(KafkaAccessRule.init(binding:)) }
            }
        } catch let error as KafkaError where error.response == RD_KAFKA_RESP_ERR_SECURITY_DISABLED {
            return nil
        }
        return rules
    }
}

extension KafkaAccessRule {
    /// `nil`: about something that is not looked at here.
    fileprivate init?(binding: OpaquePointer) {
        // What librdkafka calls a broker is the cluster in rules.
        let resource: Resource? =
            switch rd_kafka_AclBinding_restype(binding) {
            case RD_KAFKA_RESOURCE_TOPIC: .topic
            case RD_KAFKA_RESOURCE_GROUP: .group
            case RD_KAFKA_RESOURCE_BROKER: .cluster
            default: nil
            }
        guard let resource, let operation = Operation(rd_kafka_AclBinding_operation(binding)),
            let name = rd_kafka_AclBinding_name(binding), let principal = rd_kafka_AclBinding_principal(binding),
            let host = rd_kafka_AclBinding_host(binding)
        else { return nil }
        self.init(
            resource, String(cString: name),
            isPrefix: rd_kafka_AclBinding_resource_pattern_type(binding) == RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
            principal: String(cString: principal), host: String(cString: host), operation,
            allows: rd_kafka_AclBinding_permission_type(binding) == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW)
    }
}

extension KafkaAccessRule.Operation {
    fileprivate init?(_ operation: rd_kafka_AclOperation_t) {
        switch operation {
        case RD_KAFKA_ACL_OPERATION_READ: self = .read
        case RD_KAFKA_ACL_OPERATION_WRITE: self = .write
        case RD_KAFKA_ACL_OPERATION_CREATE: self = .create
        case RD_KAFKA_ACL_OPERATION_DELETE: self = .delete
        case RD_KAFKA_ACL_OPERATION_ALTER: self = .alter
        case RD_KAFKA_ACL_OPERATION_DESCRIBE: self = .describe
        case RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE: self = .idempotentWrite
        case RD_KAFKA_ACL_OPERATION_ALL: self = .all
        default: return nil
        }
    }
}
