/// What a broker's settings mean for jobs with transactions. Pure.
///
/// A setting that the broker does not tell is passed over: managed clusters hide most of them.
public struct BrokerLimits: Sendable {
    public struct Remark: Sendable, Equatable {
        /// In this order.
        public enum Level: Int, Sendable, Comparable {
            case fine, doubtful, wrong
            public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
        }
        public let level: Level
        public let setting: String
        public let detail: String
        /// Of all that is not fine.
        public let remedy: String?
    }

    private let settings: [String: String]
    private let brokersCount: Int
    private let transactionTimeoutMillis: Int
    private let messageBytesMax: Int

    /// - Parameters:
    ///   - transactionTimeoutMillis: that of the jobs' transactions.
    ///   - messageBytesMax: the largest batch the client sends (`message.max.bytes` of its own).
    public init(
        _ settings: [String: String], brokersCount: Int,
        transactionTimeoutMillis: Int = KafkaTransactions.timeoutMillisDefault, messageBytesMax: Int = 1_000_000
    ) {
        self.settings = settings
        self.brokersCount = brokersCount
        self.transactionTimeoutMillis = transactionTimeoutMillis
        self.messageBytesMax = messageBytesMax
    }

    public var remarks: [Remark] {
        [
            version, transactionTimeout, messageBytes, offsetsRetention, uncleanElection,
            replication("transaction.state.log.replication.factor", least: 3),
            replication("transaction.state.log.min.isr", least: 2),
            replication("offsets.topic.replication.factor", least: 3), replication("min.insync.replicas", least: 2),
        ].compactMap { $0 }
    }

    /// Of several brokers, by their ids. Where they differ, the worst counts, and each is told.
    public static func remarks(_ settings: [Int32: [String: String]], brokersCount: Int) -> [Remark] {
        let all = settings.sorted { $0.key < $1.key }
            .flatMap { id, own in BrokerLimits(own, brokersCount: brokersCount).remarks.map { (id: id, remark: $0) } }
        var names: [String] = []
        for (_, remark) in all where !names.contains(remark.setting) { names.append(remark.setting) }
        return names.compactMap { name in
            let own = all.filter { $0.remark.setting == name }
            guard let worst = own.max(by: { $0.remark.level < $1.remark.level })?.remark else { return nil }
            guard own.contains(where: { $0.remark != worst }) else { return worst }
            let each = own.map { "broker \($0.id): \($0.remark.detail)" }.joined(separator: "; ")
            return Remark(level: worst.level, setting: name, detail: "differs: \(each)", remedy: worst.remedy)
        }
    }

    /// Brokers with ZooKeeper say which protocol they speak among themselves; those of 4.0 and later have no such setting
    /// (`KafkaRelease` is of all).
    private var version: Remark? {
        let name = "inter.broker.protocol.version"
        guard let text = settings[name] else { return nil }
        let parts = text.split(whereSeparator: { $0 == "." || $0 == "-" }).prefix(2).compactMap { Int($0) }
        guard parts.count == 2 else { return nil }
        return (parts[0], parts[1]) < (2, 5)
            ? Remark(
                level: .wrong, setting: name, detail: "\(text), and offsets in transactions need 2.5",
                remedy: "Bring the brokers to Kafka 2.5 or later.")
            : Remark(level: .fine, setting: name, detail: text, remedy: nil)
    }

    private var transactionTimeout: Remark? {
        let name = "transaction.max.timeout.ms"
        return number(name) { most in
            most < transactionTimeoutMillis
                ? Remark(
                    level: .wrong, setting: name,
                    detail: "\(most), and the jobs' transactions ask for \(transactionTimeoutMillis)",
                    remedy: "Raise it on the brokers; the default is 900000.")
                : Remark(
                    level: .fine, setting: name, detail: "\(most); the jobs' transactions ask for \(transactionTimeoutMillis)",
                    remedy: nil)
        }
    }

    private var messageBytes: Remark? {
        let name = "message.max.bytes"
        return number(name) { most in
            most < messageBytesMax
                ? Remark(
                    level: .doubtful, setting: name, detail: "\(most), and the client sends batches of up to \(messageBytesMax)",
                    remedy: "Raise it on the brokers, or set kafka.properties message.max.bytes=\(most).")
                : Remark(level: .fine, setting: name, detail: "\(most)", remedy: nil)
        }
    }

    /// Decisions outlive expired offsets, but a group that is gone looks like a job's first start to other tools.
    private var offsetsRetention: Remark? {
        let name = "offsets.retention.minutes"
        return number(name) { minutes in
            minutes < 1440
                ? Remark(
                    level: .doubtful, setting: name,
                    detail: "\(minutes): a job that stands still longer loses its committed offsets",
                    remedy: "Raise it to a day at least; the default is 10080. A job then goes on from its decision alone.")
                : Remark(level: .fine, setting: name, detail: "\(minutes)", remedy: nil)
        }
    }

    private var uncleanElection: Remark? {
        let name = "unclean.leader.election.enable"
        guard let text = settings[name] else { return nil }
        return text == "true"
            ? Remark(
                level: .wrong, setting: name,
                detail: "true: acknowledged records and the ends of transactions can be lost, and readers stand still",
                remedy: "Set it to false.")
            : Remark(level: .fine, setting: name, detail: text, remedy: nil)
    }

    /// Of interest where there are brokers enough.
    private func replication(_ name: String, least: Int) -> Remark? {
        guard brokersCount >= 3 else { return nil }
        return number(name) { count in
            count < least
                ? Remark(
                    level: .doubtful, setting: name,
                    detail: "\(count) on \(brokersCount) brokers: the loss of one can lose what was acknowledged",
                    remedy: "Set it to \(least) at least.")
                : Remark(level: .fine, setting: name, detail: "\(count)", remedy: nil)
        }
    }

    private func number(_ name: String, _ remark: (Int) -> Remark) -> Remark? { settings[name].flatMap { Int($0) }.map(remark) }
}
