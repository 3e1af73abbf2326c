import ConnectorKafka
import ControlPlane
import Jobs
import StreamRuntime
import WeirKit

/// What `doctor` looks at on a Kafka cluster: brokers, their limits, what this user may do there, partitions. Changes nothing
/// but the transactional id `weir-doctor`, which is its own.
struct KafkaChecks: Sendable {
    /// What the finding about the brokers themselves is called.
    static let brokersWhat = "kafka brokers"
    private static let transactionalID = "weir-doctor"
    private static let limitMillis = 10_000

    private let cluster: KafkaConfiguration
    private let plan: TopicPlan
    private let groups: [String]
    private let parallelism: Int

    init(_ cluster: KafkaConfiguration, _ plan: TopicPlan, _ configuration: Configuration) {
        self.cluster = cluster
        self.plan = plan
        parallelism = configuration[StandardSettings.parallelism]
        groups = [TradeExecutionJob.name, PriceCacheJob.name, TradeHistoryJob.name, TradeAnalyticsJob.name]
            .map { configuration.consumerGroup(of: $0) }
    }

    /// In bounded time. When the brokers do not answer at all that is the only finding.
    func findings() async -> [DoctorFinding] {
        do {
            return try await blocking {
                let admin = try KafkaAdmin(cluster, timeoutMillis: Self.limitMillis)
                let reached = try admin.cluster()
                return [brokers(reached), release(reached)] + limits(reached) + [transactions(admin)] + groupFindings(admin)
                    + KafkaPermissions(cluster, plan, groups).findings(admin) + partitions(admin)
            }
        } catch {
            return [
                DoctorFinding(
                    .problem, Self.brokersWhat, "\(error)",
                    remedy:
                        "See that \(cluster.bootstrapServers) is right and can be reached, and that kafka.properties fit its security."
                )
            ]
        }
    }

    private func brokers(_ reached: KafkaCluster) -> DoctorFinding {
        let places = reached.brokers.sorted { $0.key < $1.key }.prefix(10).map { "\($0.value)" }.joined(separator: ", ")
        return DoctorFinding(
            .ok, Self.brokersWhat, "\(reached.brokers.count): \(places); client librdkafka \(reached.clientVersion)")
    }

    /// By the requests that the brokers understand: none says its version.
    private func release(_ reached: KafkaCluster) -> DoctorFinding {
        let what = "kafka release"
        let releases = Set(reached.releases.values)
        guard let one = releases.first else {
            return DoctorFinding(
                .ok, what, "the brokers do not tell which requests they understand; Kafka 2.5 or later is needed")
        }
        let each = reached.releases.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        guard releases.allSatisfy(\.hasTransactionsOfGroups) else {
            // A warning only: other makes of brokers may do what is needed, and not say all of it.
            return DoctorFinding(
                .warning, what, "\(each), by the requests that the brokers understand; offsets in transactions need 2.5",
                remedy: "Bring the brokers to Kafka 2.5 or later.")
        }
        guard releases.count == 1 else {
            return DoctorFinding(.warning, what, "the brokers differ: \(each)", remedy: "Bring the upgrade to its end.")
        }
        return DoctorFinding(.ok, what, "\(one), by the requests that the brokers understand")
    }

    private func limits(_ reached: KafkaCluster) -> [DoctorFinding] {
        let told = BrokerLimits.remarks(reached.settings, brokersCount: reached.brokers.count).map { remark in
            let level: DoctorFinding.Level =
                switch remark.level {
                case .fine: .ok
                case .doubtful: .warning
                case .wrong: .problem
                }
            return DoctorFinding(level, "kafka \(remark.setting)", remark.detail, remedy: remark.remedy)
        }
        guard let (_, refusal) = reached.refusals.min(by: { $0.key < $1.key }) else { return told }
        let silent = reached.refusals.keys.sorted().map(String.init).joined(separator: ", ")
        return told + [
            DoctorFinding(
                .warning, "kafka limits", "these brokers do not tell their settings: \(silent): \(refusal)",
                remedy: "Allow DescribeConfigs on the cluster, or look at transaction.max.timeout.ms and the like by hand.")
        ]
    }

    /// What a job does first: the answer is worth more than any setting that is read.
    private func transactions(_ admin: KafkaAdmin) -> DoctorFinding {
        let millis = KafkaTransactions.timeoutMillisDefault
        do {
            try admin.abortTransaction(Self.transactionalID, limitMillis: Self.limitMillis)
            return DoctorFinding(
                .ok, "kafka transactions", "this user may begin them, with a time-out of \(DurationText.text(millis))")
        } catch {
            return DoctorFinding(
                .problem, "kafka transactions", "\(error)",
                remedy: "Jobs need Write and Describe on transactional ids that begin with 'weir-', and "
                    + "transaction.max.timeout.ms of \(millis) at least on the brokers.")
        }
    }

    private func groupFindings(_ admin: KafkaAdmin) -> [DoctorFinding] {
        groups.map { group in
            do {
                try admin.checkGroup(group, topic: plan.names.orders)
                return DoctorFinding(.ok, "kafka group \(group)", "this user may use it")
            } catch {
                return DoctorFinding(
                    .problem, "kafka group \(group)", "\(error)",
                    remedy: "Jobs need Read on their consumer groups and on the topics they read.")
            }
        }
    }

    /// Whether there is work for every subtask. Missing topics are told of by the list of what must be there.
    private func partitions(_ admin: KafkaAdmin) -> [DoctorFinding] {
        let read = [plan.names.marketData, plan.names.orders, plan.names.executed]
        guard let counts = try? admin.describe(read) else { return [] }
        return read.compactMap { topic in
            guard let count = counts[topic], count < parallelism else { return nil }
            return DoctorFinding(
                .warning, "partitions of \(topic)",
                "\(count), for parallelism \(parallelism): \(parallelism - Int(count)) subtasks have nothing to read",
                remedy: "Lower the parallelism, or give new installations more partitions (topics.partitions).")
        }
    }
}
