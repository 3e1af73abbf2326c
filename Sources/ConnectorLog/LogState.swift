import StreamRuntime

/// The committed part of one segment file.
struct SegmentExtent: Equatable, Sendable {
    /// The offset of its first record.
    var base: Int64
    /// The committed bytes; the file may be longer.
    var bytes: Int64
    var timestampMillisMax: Int64
}

/// The committed part of one partition: segments in order, offsets dense from `start` to `end`.
struct PartitionExtent: Equatable, Sendable {
    var start: Int64 = 0
    /// The offset the next record will get.
    var end: Int64 = 0
    var segments: [SegmentExtent] = []
    /// Where the last commit to the partition began: what is checked when the log is opened.
    var lastCommit: CommitStart?

    struct CommitStart: Equatable, Sendable {
        var segmentBase: Int64
        var byte: Int64
        var offset: Int64
    }

    var bytes: Int64 { segments.reduce(0) { $0 + $1.bytes } }
}

/// What is known of one island.
struct OwnerState: Equatable, Sendable {
    /// The attempt that claimed the island last: only it may commit.
    var attempt: String
    /// The last decision, as JSON, and its epoch; `nil` before the genesis decision.
    var decision: [UInt8]?
    var epoch: UInt64?
}

/// One entry of the journal.
enum JournalRecord: Equatable, Sendable {
    /// Everything that was committed before this journal file.
    case snapshot(LogState)
    /// `attempt` owns the island from here on.
    case claim(owner: LogOwner, attempt: String)
    /// One transaction, with its decision if an island made it.
    case commit(CommitRecord)
    /// The records before `start` are given up; whole segments only.
    case trim(LogTopicPartition, start: Int64)
}

struct CommitRecord: Equatable, Sendable {
    struct Decided: Equatable, Sendable {
        var owner: LogOwner
        var attempt: String
        var epoch: UInt64
        var decision: [UInt8]
    }
    struct Growth: Equatable, Sendable {
        var partition: LogTopicPartition
        /// The partition's end after this commit.
        var end: Int64
        /// Every segment this commit wrote to, as it is after it, in order.
        var segments: [SegmentExtent]
    }
    var decided: Decided?
    var growth: [Growth]
}

/// Everything the journal says: the ends of all partitions, and each island's owner and last decision.
/// A pure value; the journal is the list of changes to it.
struct LogState: Equatable, Sendable {
    var partitions: [LogTopicPartition: PartitionExtent] = [:]
    var owners: [LogOwner: OwnerState] = [:]

    /// Why a record does not fit what went before it.
    struct Contradiction: Error { let problem: String }

    mutating func apply(_ record: JournalRecord) throws(Contradiction) {
        switch record {
        case .snapshot(let whole): self = whole
        case .claim(let owner, let attempt):
            owners[owner, default: OwnerState(attempt: attempt)].attempt = attempt
        case .commit(let commit):
            if let decided = commit.decided {
                guard let known = owners[decided.owner], known.attempt == decided.attempt else {
                    throw Contradiction(problem: "a commit of \(decided.owner) by an attempt that does not own it")
                }
                owners[decided.owner] = OwnerState(
                    attempt: decided.attempt, decision: decided.decision, epoch: decided.epoch)
            }
            for growth in commit.growth { try apply(growth) }
        case .trim(let id, let start):
            guard var extent = partitions[id] else {
                throw Contradiction(problem: "a trim of \(id), which holds nothing")
            }
            extent.segments.removeAll { $0.base < start }
            guard start <= extent.end, extent.segments.first?.base == start else {
                throw Contradiction(problem: "a trim of \(id) to \(start), where no segment begins")
            }
            extent.start = start
            if let last = extent.lastCommit, last.segmentBase < start {
                extent.lastCommit = .init(segmentBase: start, byte: 0, offset: start)
            }
            partitions[id] = extent
        }
    }

    private mutating func apply(_ growth: CommitRecord.Growth) throws(Contradiction) {
        var extent = partitions[growth.partition] ?? PartitionExtent()
        let endBefore = extent.end
        var began: PartitionExtent.CommitStart?
        for segment in growth.segments {
            if let last = extent.segments.last, last.base == segment.base {
                guard segment.bytes >= last.bytes else {
                    throw Contradiction(problem: "a commit that shrinks a segment of \(growth.partition)")
                }
                began = began ?? .init(segmentBase: segment.base, byte: last.bytes, offset: endBefore)
                extent.segments[extent.segments.count - 1] = segment
            } else {
                guard segment.base >= endBefore, segment.base > (extent.segments.last?.base ?? -1) else {
                    throw Contradiction(problem: "a commit that adds a segment out of order to \(growth.partition)")
                }
                began = began ?? .init(segmentBase: segment.base, byte: 0, offset: endBefore)
                extent.segments.append(segment)
            }
        }
        guard growth.end >= endBefore else {
            throw Contradiction(problem: "a commit that moves the end of \(growth.partition) back")
        }
        extent.end = growth.end
        extent.lastCommit = began ?? extent.lastCommit
        partitions[growth.partition] = extent
    }
}
