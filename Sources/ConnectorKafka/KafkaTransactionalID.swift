import StreamRuntime

/// The transactional id of one of the two producers that an island of a job has: `weir-<job>-<island>-a` or `-b`. Derived, so
/// that whoever comes next fences whoever was there before.
public struct KafkaTransactionalID: Sendable, Hashable, CustomStringConvertible {
    public let job: JobID
    public let island: Int
    /// 0 or 1.
    public let producer: Int

    init(job: JobID, island: Int, producer: Int) {
        self.job = job
        self.island = island
        self.producer = producer
    }

    /// `nil`: the text is no transactional id of a job.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "weir", let job = JobID(String(parts[1])), let island = Int(parts[2]), island >= 0,
            let producer = ["a", "b"].firstIndex(of: String(parts[3]))
        else { return nil }
        self.init(job: job, island: island, producer: producer)
        guard description == text else { return nil }
    }

    /// Both of an island.
    public static func all(of job: JobID, island: Int) -> [KafkaTransactionalID] {
        (0...1).map { KafkaTransactionalID(job: job, island: island, producer: $0) }
    }

    public var description: String { "weir-\(job)-\(island)-\(producer == 0 ? "a" : "b")" }
}
