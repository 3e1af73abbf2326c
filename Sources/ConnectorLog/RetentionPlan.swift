import StreamRuntime

/// Which segments may go: pure.
enum RetentionPlan {
    /// The partition's new first offset, or `nil` if nothing is to be removed. `unreadFrom`: no segment with a record from
    /// there on goes for its bytes; `nil`: nobody reads.
    static func newStart(
        _ extent: PartitionExtent, _ retention: LogRetention, nowMillis: Int64, unreadFrom: Int64? = nil
    ) -> Int64? {
        var rest = extent.segments[...]
        var bytes = extent.bytes
        while let oldest = rest.first, let next = rest.dropFirst().first {
            let isRead = unreadFrom.map { next.base <= $0 } ?? true
            let isOverBytes = isRead && (retention.bytes.map { bytes - oldest.bytes >= $0 } ?? false)
            let isOverAge = retention.millis.map { oldest.timestampMillisMax < nowMillis - $0 } ?? false
            guard isOverBytes || isOverAge else { break }
            bytes -= oldest.bytes
            rest = rest.dropFirst()
        }
        guard let first = rest.first, first.base > extent.start else { return nil }
        return first.base
    }
}

/// Where the jobs that decide in the log have still to read, by their last decisions: pure. A job that is given up counts
/// like the others: only the age of its records ends that.
struct UnreadRecords {
    private var least: [LogTopicPartition: Int64] = [:]
    /// A decision that this version cannot read may be about any partition.
    private var isAnyUnknown = false

    init(_ owners: some Sequence<OwnerState>) {
        for json in owners.lazy.compactMap(\.decision) {
            guard let decision = try? Decision(json: json) else {
                isAnyUnknown = true
                continue
            }
            for offset in decision.offsets {
                guard let id = LogTopicPartition(offset.position.split) else { continue }
                least[id] = min(least[id] ?? .max, offset.position.next)
            }
        }
    }

    /// The first record that somebody may have to read; `nil`: nobody reads the partition.
    func first(of id: LogTopicPartition) -> Int64? { isAnyUnknown ? 0 : least[id] }
}
