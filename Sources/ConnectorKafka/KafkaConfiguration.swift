/// How to reach one Kafka cluster, and everything about the client that is the operator's to choose
/// (TLS, SASL, compression, buffers). What the exactly-once protocol depends on is not: setting such a
/// property to anything but the value the connector needs is refused with the reason.
///
/// A value; free to copy and to use from any thread. Its description never shows a secret.
public struct KafkaConfiguration: Sendable, Hashable {
    /// `host:port,host:port`, as given.
    public let bootstrapServers: String
    /// librdkafka's own property names, e.g. `security.protocol`, `sasl.password`, `compression.codec`.
    public let properties: [String: String]

    /// Throws `KafkaConfigurationError` for an empty server list or a property the protocol owns.
    /// Unknown names and bad values are reported when a client is made of the configuration.
    public init(bootstrapServers: String, properties: [String: String] = [:]) throws {
        let servers = bootstrapServers.split(separator: ",").map { $0.trimmingSpaces() }
        guard !servers.isEmpty, servers.allSatisfy({ !$0.isEmpty }) else {
            throw KafkaConfigurationError(
                property: "bootstrap.servers",
                problem: "'\(bootstrapServers)' is no list of brokers; give host:port, separated by commas")
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            try Self.refuseOwned(name, value)
        }
        self.bootstrapServers = servers.joined(separator: ",")
        self.properties = properties
    }

    /// Names the cluster for `BrokerOffset.domain` and `TransactionDomain.identity`: the same for every
    /// order in which the brokers are listed.
    public var identity: String {
        "kafka://" + bootstrapServers.split(separator: ",").sorted().joined(separator: ",")
    }

    private static func refuseOwned(_ name: String, _ value: String) throws {
        guard let owned = ownedProperties[name] else { return }
        if let allowed = owned.allowed, allowed.contains(value.lowercasedASCII()) { return }
        let only = owned.allowed.map { "; the connector needs '\($0[0])'" } ?? ""
        throw KafkaConfigurationError(
            property: name, problem: "cannot be set to '\(value)': \(owned.reason)\(only). Remove it")
    }

    private struct Owned {
        var allowed: [String]?
        var reason: String
    }

    private static let exactlyOnce = "exactly-once rests on it"
    private static let ownedProperties: [String: Owned] = [
        "bootstrap.servers": Owned(reason: "it is an argument of its own"),
        "metadata.broker.list": Owned(reason: "the brokers are an argument of their own"),
        "isolation.level": Owned(
            allowed: ["read_committed"], reason: "records of unfinished or aborted transactions would be read"),
        "enable.auto.commit": Owned(allowed: ["false"], reason: "offsets are part of the checkpoint"),
        "enable.auto.offset.store": Owned(allowed: ["false"], reason: "offsets are part of the checkpoint"),
        "auto.offset.reset": Owned(
            allowed: ["error"], reason: "a silent reset would lose or repeat records"),
        "enable.partition.eof": Owned(reason: "the connector decides it"),
        "group.id": Owned(reason: "it is an argument of the source"),
        "group.instance.id": Owned(reason: "partitions are assigned by Weir, not by a consumer group"),
        "partition.assignment.strategy": Owned(
            reason: "partitions are assigned by Weir, not by a consumer group"),
        "transactional.id": Owned(reason: "it is derived from the job's id and island"),
        "transaction.timeout.ms": Owned(
            reason: "it is twice the epoch budget (KafkaTransactions(epochBudgetMillis:))"),
        "acks": Owned(allowed: ["all", "-1"], reason: exactlyOnce),
        "request.required.acks": Owned(allowed: ["all", "-1"], reason: exactlyOnce),
        "enable.idempotence": Owned(allowed: ["true"], reason: exactlyOnce),
        "delivery.report.only.error": Owned(reason: "the connector decides it"),
        "log.queue": Owned(reason: "client logs go to the runtime's log"),
        "test.mock.num.brokers": Owned(reason: "a job needs a real cluster"),
        "plugin.library.paths": Owned(reason: "plug-ins could change what is sent"),
    ]
}

extension KafkaConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Servers and property names; values only of properties known to be harmless.
    public var description: String {
        let shown = properties.sorted { $0.key < $1.key }.map { name, value in
            "\(name)=\(Self.harmless.contains(name) ? value : "***")"
        }
        return ([bootstrapServers] + shown).joined(separator: " ")
    }
    public var debugDescription: String { description }
    /// So that `dump` and test failures show no secret either.
    public var customMirror: Mirror { Mirror(self, children: ["configuration": description]) }

    private static let harmless: Set<String> = [
        "security.protocol", "sasl.mechanism", "sasl.mechanisms", "compression.codec", "compression.type",
        "linger.ms", "batch.size", "batch.num.messages", "client.id", "partitioner", "message.max.bytes",
        "queue.buffering.max.messages", "queue.buffering.max.kbytes", "queued.max.messages.kbytes",
        "fetch.wait.max.ms", "fetch.max.bytes", "socket.timeout.ms", "broker.address.family",
    ]
}

/// A property that cannot be used, and why.
public struct KafkaConfigurationError: Error, CustomStringConvertible {
    public let property: String
    public let problem: String

    public var description: String { "Kafka property '\(property)': \(problem)" }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension String {
    fileprivate func lowercasedASCII() -> String { lowercased() }
}
