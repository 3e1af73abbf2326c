import ArgumentParser
import ConnectorKafka
import StreamRuntime
import WeirKit

/// `txn abort`.
struct TransactionsAbort: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "Abort what a job has open, and fence whoever still writes for it.",
        discussion: """
            Takes the transactional id over, as a new owner would: the brokers abort what is open under it and refuse its former \
            user from then on. A job that runs with it FAILS by that, so one that is known to run is refused without --force: \
            known is what runs on this machine on the same checkpoint folder, and what the weir server runs. Nobody can see a \
            process elsewhere. Nothing that was decided is undone; the job goes on from its last decision when it is started \
            again.

            A transaction that the brokers themselves have lost track of (a defect of Kafka before 4.0, or an unclean leader \
            election) cannot be ended like this: 'txn list' still shows the partition after. Kafka's own \
            'kafka-transactions.sh find-hanging' and 'abort' are for that.

            EXAMPLES
              weir txn abort --job trade-execution
              weir txn abort weir-5f3a…-0-a --brokers kafka-1:9092
            """)

    @OptionGroup var cluster: ClusterFlags
    @Argument(help: ArgumentHelp("The transactional id; 'txn list' shows those of jobs.", valueName: "transactional-id"))
    var id: String?
    @Option(help: ArgumentHelp("Both ids of this job: its name, or its id.", valueName: "job")) var job: String?
    @Option(help: ArgumentHelp("With --job: which of its islands.", valueName: "n")) var island = 0
    @Flag(help: "Also when the job runs, or nobody can say whether it does.") var force = false
    @Option(help: ArgumentHelp("Give up after this time (exit code 5); it may still happen.", valueName: "duration"))
    var timeout = "60s"
    @Option(help: "table (text) or json.") var output = OutputFormat.table

    private struct Aborted: Encodable { let aborted: [String] }

    func run() async throws {
        guard let millis = DurationText.parse(timeout), (1000...3_600_000).contains(millis) else {
            throw UsageError("--timeout: '\(timeout)' is not a duration of 1s to 1h")
        }
        let configuration = try cluster.configuration()
        let ids = try ids(configuration)
        let admin = try cluster.admin(configuration)
        if !force { try await checkNobodyOwns(ids, configuration) }
        for id in ids {
            do {
                try await blocking { try admin.abortTransaction(id, limitMillis: millis) }
            } catch let error as KafkaError where error.isRetriable {
                throw CommandFailure("\(error)", status: .timedOut)
            } catch let error as KafkaError {
                throw CommandFailure("\(error)")
            }
            if output == .table { say("'\(id)': what was open is aborted, whoever used it is fenced") }
        }
        if output == .json { say(try JSONOutput.text(Aborted(aborted: ids))) }
    }

    private func ids(_ configuration: Configuration) throws -> [String] {
        switch (id, job) {
        case (let id?, nil): return [id]
        case (nil, let job?):
            guard island >= 0 else { throw UsageError("--island: \(island) is negative") }
            let id =
                try JobID(job)
                ?? JobID(namespace: configuration[StandardSettings.namespace], jobName: Weir.job(named: job).name)
            return KafkaTransactionalID.all(of: id, island: island).map(\.description)
        default: throw UsageError("give a transactional id, or --job JOB for both of a job's")
        }
    }

    private func checkNobodyOwns(_ ids: [String], _ configuration: Configuration) async throws {
        let owners = try await JobOwners(configuration)
        for id in ids {
            guard let job = KafkaTransactionalID(id)?.job else {
                throw UsageError(
                    "'\(id)' is no transactional id of a Weir job, so nobody can say who uses it; --force aborts all the same")
            }
            if let owner = owners.owner(of: job) {
                throw CommandFailure("job \(job) runs: \(owner). Stop it first; --force aborts all the same, and it will fail")
            }
        }
    }
}
