import Foundation
import StreamRuntime

/// How far back the ledger of outcomes reaches. A job that died goes on from its last checkpoint and meets the orders behind it
/// again; those it had executed already it knows by the ledger, for as long as that remembers them.
public enum LedgerMemory {
    /// Between the age at which a start is refused and the forgetting, for what a start itself takes.
    private static let marginMillis: Int64 = 86_400_000

    /// Throws `RecoveryRefusal` when the job's last checkpoint is older than the ledger surely remembers.
    public static func check(checkpointRoot: String, job: JobID, policy: ExecutionPolicy, nowMillis: Int64) throws {
        guard FileManager.default.fileExists(atPath: "\(checkpointRoot)/\(job)") else { return }
        let store = try FileCheckpointStore(root: checkpointRoot, job: job)
        guard let newest = try store.manifestNames().last else { return }
        let ageMillis = nowMillis - (try store.manifest(named: newest).manifest.createdAtMillis)
        let ageMillisMax = policy.ledgerMillis - marginMillis
        guard ageMillis > ageMillisMax else { return }
        throw RecoveryRefusal(
            "the last checkpoint is \(days(ageMillis)) days old, and outcomes of orders are remembered for \(days(policy.ledgerMillis)): "
                + "an order that was executed after it could be executed again",
            remedy: "After a stop in good order nothing is in doubt: start with trading.accept-old-checkpoint=true. "
                + "Otherwise compare trade_executed with the portfolios first.")
    }

    /// For how long a job may stand still: as long as an order that can still come again is remembered.
    /// - Parameters:
    ///   - retentionMillis: of the orders topic.
    ///   - requestMillis: how long a repeated request publishes its order again.
    public static func downtimeMillisMax(policy: ExecutionPolicy, retentionMillis: Int64, requestMillis: Int64) -> Int64 {
        policy.ledgerMillis - marginMillis - retentionMillis - requestMillis
    }

    private static func days(_ millis: Int64) -> Int64 { millis / 86_400_000 }
}
