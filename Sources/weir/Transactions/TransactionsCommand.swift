import ArgumentParser
import ConnectorKafka
import StreamRuntime
import WeirKit

/// `txn`: transactions that keep readers waiting.
struct TransactionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "txn", abstract: "Find Kafka transactions that keep readers waiting, and abort them.",
        discussion: """
            Consumers with isolation.level=read_committed read up to the oldest transaction that is neither committed nor \
            aborted. One whose producer is gone holds them back until the brokers abort it, at its time-out (a minute, for \
            Weir's jobs). Starting the job again aborts it at once. 'txn abort' is for a job that is not to be started.

            EXAMPLES
              weir txn list --brokers kafka-1:9092
              weir txn abort --job trade-execution --brokers kafka-1:9092
            """,
        subcommands: [TransactionsList.self, TransactionsAbort.self])
}

/// Which cluster.
struct ClusterFlags: ParsableArguments {
    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Option(
        help: ArgumentHelp(
            "The brokers, instead of those that the setting 'transport' names.", valueName: "host:port[,…]"))
    var brokers: String?

    func configuration() throws -> Configuration {
        var layers = try flags.layers(for: Weir.self)
        if let brokers {
            layers.flags.append((key: TradingSettings.transport.key.name, flag: "--brokers", value: "kafka://\(brokers)"))
        }
        return try layers.resolve(Weir.configurationTable())
    }

    /// Throws `UsageError` when the settings name no Kafka cluster.
    func admin(_ configuration: Configuration) throws -> KafkaAdmin {
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        guard let cluster = try resources.kafkaConfiguration() else {
            throw UsageError(
                "the topics are not on Kafka here (transport is \(resources.transportURL)); name a cluster with --brokers host:port"
            )
        }
        return try KafkaAdmin(cluster)
    }
}
