import ConnectorKafka
import ControlPlane
import Dispatch
import StreamRuntime
import WeirKit

/// The transactional ids of one job of these settings.
struct JobTransactions: Encodable {
    let job: String
    let id: String
    /// Where it is known to run.
    let runs: String?
    /// Of its first island.
    let transactionalIDs: [String]

    static func all(_ configuration: Configuration) async throws -> [JobTransactions] {
        let owners = try await JobOwners(configuration)
        return Weir.tradingJobs.map { type in
            let id = JobID(namespace: configuration[StandardSettings.namespace], jobName: type.name)
            return JobTransactions(
                job: type.name, id: id.rawValue, runs: owners.owner(of: id),
                transactionalIDs: KafkaTransactionalID.all(of: id, island: 0).map(\.description))
        }
    }
}

/// Who is known to run a job: a process of this machine that holds its lock, or the weir server's.
struct JobOwners {
    private let checkpointRoot: String
    private let supervised: [JobID: String]

    /// Asks the server, if there is one; one that is there and refuses to answer is an error.
    init(_ configuration: Configuration) async throws {
        checkpointRoot = configuration[StandardSettings.checkpointFolder]
        supervised = try await SupervisedJobs.living(configuration)
    }

    /// `nil`: nobody that can be seen.
    func owner(of job: JobID) -> String? {
        if JobLock.isHeld(checkpointRoot: checkpointRoot, job: job) { return "a process of this machine, on \(checkpointRoot)" }
        return supervised[job].map { "process \($0) of the weir server" }
    }
}

/// For the Kafka client's calls, which block: on a thread that may.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
