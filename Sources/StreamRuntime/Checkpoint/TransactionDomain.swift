/// The system that takes a job's decisions: a Kafka cluster, or an embedded log.
///
/// One epoch's outputs, the offsets of all its inputs and the name of its checkpoint become visible
/// together, or not at all, when `commit` succeeds: that is the decision (rule 4).
///
/// Call order, all from the job's coordinator thread, all blocking:
/// `recover` → (`commit` of the genesis decision, on a first start) → `begin(e, …)` →
/// { `prepare(e)` → `commit(e)` } for e, e+1, … → `close`.
/// `commit(e)` leaves epoch e+1 open: records of e+1 arrive while e is being prepared and committed
/// (rule 6). Any error thrown means that the attempt is over: the engine calls `close`, and a new
/// attempt starts with `recover` on the same object.
///
/// Thread rule: writers call the domain from task threads; implementations do their own locking.
public protocol TransactionDomain: AnyObject, Sendable {
    /// Names the system, e.g. `kafka://127.0.0.1:9092` or `log:///data/log`. One per job.
    var identity: String { get }

    /// Rule 5: fences every older owner of the island, ends what it left open, then reads the last
    /// decision, read-committed. `nil`: neither a decision nor any committed offset exists (first start).
    /// Throws `RecoveryRefusal` when what is there is mixed or unreadable.
    func recover(_ owner: IslandOwner) throws -> Decision?

    /// Opens `epoch` for `writers` writers (subtasks of all the domain's sinks).
    func begin(_ epoch: Epoch, writers: Int) throws

    /// Returns once all writers have ended `epoch` and all its records are acknowledged.
    /// Gives up with an error after `timeoutMillis` (rule 9).
    func prepare(_ epoch: Epoch, timeoutMillis: Int) throws

    /// The decision. The checkpoint it names is durable already (rule 3).
    func commit(_ decision: Decision) throws

    /// Drops everything uncommitted and lets go of connections. Idempotent.
    func close()

    /// True when a commit of either is a commit of both. The engine drives one of a job's domains.
    func sharesDecisions(with other: any TransactionDomain) -> Bool
}

extension TransactionDomain {
    public func sharesDecisions(with other: any TransactionDomain) -> Bool { self === other }
}

/// Who is about to own an island.
public struct IslandOwner: Sendable {
    public let job: JobID
    public let jobName: String
    public let island: Int
    public let attempt: AttemptID
    /// Every split the job reads, with its broker offset where there is one.
    public let splits: [OwnedSplit]
    public let log: RuntimeLog
    /// True once the job is being stopped before it ran: give up waiting. A running job's stop is graceful; its
    /// last epoch is committed, so nothing is cancelled then.
    public let isCancelled: @Sendable () -> Bool
    /// Asked at `.fenced`, `.offsetsSent`, `.decisionSent` and `.committed`, where the system has such points.
    public let faults: (any FaultInjector)?

    public init(
        job: JobID, jobName: String, island: Int, attempt: AttemptID, splits: [OwnedSplit], log: RuntimeLog,
        isCancelled: @escaping @Sendable () -> Bool, faults: (any FaultInjector)? = nil
    ) {
        self.faults = faults
        self.job = job
        self.jobName = jobName
        self.island = island
        self.attempt = attempt
        self.splits = splits
        self.log = log
        self.isCancelled = isCancelled
    }
}

/// A split and the source operator that reads it.
public struct OwnedSplit: Sendable, Hashable {
    public let source: OperatorID
    public let split: SourceSplit

    public init(source: OperatorID, split: SourceSplit) {
        self.source = source
        self.split = split
    }
}

/// The position of one split in a decision.
public struct SourceOffset: Sendable, Hashable {
    public let source: OperatorID
    public let position: SplitPosition
    public let brokerOffset: BrokerOffset?

    public init(source: OperatorID, position: SplitPosition, brokerOffset: BrokerOffset? = nil) {
        self.source = source
        self.position = position
        self.brokerOffset = brokerOffset
    }
}

/// What a committed epoch says: go on from this checkpoint, at these offsets.
public struct Decision: Sendable, Hashable {
    public let checkpoint: CheckpointID
    /// XXH64 of the manifest's bytes, 16 hex digits; `genesis` for the first decision, which has no manifest.
    public let manifestHash: String
    /// Every split of every source, sorted.
    public let offsets: [SourceOffset]

    public init(checkpoint: CheckpointID, manifestHash: String, offsets: [SourceOffset]) {
        self.checkpoint = checkpoint
        self.manifestHash = manifestHash
        self.offsets = offsets.sorted {
            ($0.source.rawValue, $0.position.split) < ($1.source.rawValue, $1.position.split)
        }
    }

    public static let genesisHash = "genesis"
    public var isGenesis: Bool { manifestHash == Self.genesisHash }
}

/// A start that is refused because going on could lose or double records. `remedy` says what to do.
public struct RecoveryRefusal: Error, CustomStringConvertible {
    public let problem: String
    public let remedy: String

    public init(_ problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String { "\(problem). \(remedy)" }
}
