import ControlPlane
import Jobs
import StoreKit
import WeirKit

extension Weir: DoctorChecking {
    /// The outside systems that the settings name: whether they answer, and hold what jobs and services need.
    static func doctorFindings(_ configuration: Configuration) async -> [DoctorFinding] {
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        var findings = resources.embeddedParts.map { DoctorFinding(.ok, "embedded", $0) }
        if let cluster = try? resources.kafkaConfiguration() {
            findings += await KafkaChecks(cluster, resources.topicPlan, configuration).findings()
            // Brokers that do not answer are told of once.
            if !findings.contains(where: { $0.what == KafkaChecks.brokersWhat && $0.level == .problem }) {
                findings += await lookedAt("kafka", TradingSettings.transport.key.name) {
                    KafkaTopics(cluster, resources.topicPlan)
                }
            }
        }
        findings.append(DoctorFinding(ledgerOf: configuration, resources.topicPlan))
        // Each for itself: one that is away hides no other.
        for store in resources.stores { findings += await lookedAt(store.scheme, store.setting, store.open) }
        if let finding = await pricesFinding(resources) { findings.append(finding) }
        await resources.environment.shared.closeAll()
        return findings
    }

    /// What must be there, in one system. In bounded time: its client's.
    private static func lookedAt(
        _ system: String, _ setting: String, _ open: () throws -> any ResourceProvider
    ) async -> [DoctorFinding] {
        do { return try await Provisioning.run([try open()], creates: false).map { DoctorFinding($0) } } catch {
            let cause = (error as? ProvisioningFailure)?.cause ?? error
            return [DoctorFinding(.problem, system, "\(cause)", remedy: remedy(setting))]
        }
    }

    /// Nothing needs to exist in Redis: that it answers is all. In bounded time: its client's. Nil for prices in memory.
    private static func pricesFinding(_ resources: TradingResources) async -> DoctorFinding? {
        guard ["redis", "rediss"].contains(TradingResources.scheme(resources.pricesURL)) else { return nil }
        do {
            _ = try await resources.prices().latest(try resources.symbols())
            return DoctorFinding(.ok, "redis", "answers; prices can be read")
        } catch {
            return DoctorFinding(.problem, "redis", "\(error)", remedy: remedy(TradingSettings.prices.key.name))
        }
    }

    private static func remedy(_ setting: String) -> String {
        "See that it runs, can be reached from here, and that the setting '\(setting)' is right ('config' shows it)."
    }
}

extension DoctorFinding {
    fileprivate init(_ entry: ProvisionedResource) {
        let what = "\(entry.system) \(entry.resource.kind) \(entry.resource.name)"
        switch entry.outcome {
        case .present, .created: self.init(.ok, what, "is there")
        case .missing: self.init(.problem, what, "is missing", remedy: "Run 'weir provision'.")
        case .differs(let differences):
            self.init(
                .warning, what, differences.map { "\($0)" }.joined(separator: "; "),
                remedy: "Change it, or what docs/provisioning.md says of it; 'weir provision' changes nothing that exists.")
        }
    }

    /// Whether outcomes are remembered for as long as their orders can come again, and how long a stop may last.
    fileprivate init(ledgerOf configuration: Configuration, _ plan: TopicPlan) {
        var retention: Int64 = 0
        if case .days(let days)? = plan.topics.first(where: { $0.name == plan.names.orders })?.cleanup {
            retention = days * 86_400_000
        }
        var policy = ExecutionPolicy(symbols: [])
        policy.ledgerMillis = Int64(configuration[TradingSettings.ledgerTTL])
        let left = LedgerMemory.downtimeMillisMax(
            policy: policy, retentionMillis: retention,
            requestMillis: Int64(configuration[ServiceSettings.requestTTL]))
        let what = "ledger of outcomes"
        if left > 0 {
            self.init(.ok, what, "a stop of up to \(left / 86_400_000) days forgets no outcome of an order that can come again")
        } else {
            self.init(
                .problem, what, "an order can come again after its outcome is forgotten, and would be executed twice",
                remedy: "Lower orders.request-ttl, or raise trading.ledger-ttl.")
        }
    }
}
