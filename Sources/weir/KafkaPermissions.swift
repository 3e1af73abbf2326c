import ConnectorKafka
import ControlPlane
import Jobs

/// Whether this user may do to topics, groups and the cluster what jobs and services do, by the cluster's access rules: trying
/// it would write.
struct KafkaPermissions {
    private let cluster: KafkaConfiguration
    private let plan: TopicPlan
    private let groups: [String]
    private static let what = "kafka permissions"

    init(_ cluster: KafkaConfiguration, _ plan: TopicPlan, _ groups: [String]) {
        self.cluster = cluster
        self.plan = plan
        self.groups = groups
    }

    func findings(_ admin: KafkaAdmin) -> [DoctorFinding] {
        do {
            guard let rules = try admin.accessRules() else {
                return [DoctorFinding(.ok, Self.what, "the cluster has no access rules: everybody may do everything")]
            }
            return findings(rules)
        } catch {
            return [
                DoctorFinding(
                    .ok, Self.what,
                    "the brokers do not tell this user their access rules (\(error)); whether it may write to a topic shows when "
                        + "a job does",
                    remedy: "Allow Describe on the cluster to have them looked at.")
            ]
        }
    }

    func findings(_ rules: [KafkaAccessRule]) -> [DoctorFinding] {
        let access = KafkaAccess(rules, principal: cluster.principal)
        let user = cluster.principal ?? "this user"
        guard access.isBelievable else {
            return [
                DoctorFinding(
                    .ok, Self.what,
                    "\(user) sees the access rules though none allows that: a super user, or one that the brokers know by "
                        + "another name")
            ]
        }
        var missing: [String] = []
        // Every topic is read by a job, a service or whoever looks into dead letters, and written by one of them.
        let topics = plan.topics.map(\.name) + [TopicPlan.decisions]
        for topic in topics {
            let lacking = [KafkaAccessRule.Operation.describe, .read, .write].filter { !access.allows($0, .topic, topic) }
            if !lacking.isEmpty { missing.append("\(lacking.map(\.rawValue).joined(separator: ", ")) on topic \(topic)") }
        }
        for group in groups where !access.allows(.read, .group, group) { missing.append("Read on group \(group)") }
        if !access.allowsIdempotentWrite(to: topics) { missing.append("IdempotentWrite on the cluster") }
        guard missing.isEmpty else {
            return missing.map {
                DoctorFinding(
                    .warning, Self.what, "\(user) lacks \($0)",
                    remedy: "Allow it if a job or service of this user needs it: kafka-acls.sh --add --allow-principal \(user) …."
                )
            }
        }
        return [
            DoctorFinding(
                .ok, Self.what, "\(user) may read and write the \(topics.count) topics, use the groups, and write idempotently")
        ]
    }
}
