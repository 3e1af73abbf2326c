import CRdKafka

/// How far a look through a stretch of a partition has come, by what its consumer hears. Pure.
package struct PartitionScan: Sendable {
    package enum Step: Equatable, Sendable {
        /// There is more to hear.
        case goesOn
        /// The brokers cannot be read now; the client asks them again.
        case waits
        case fails
    }

    /// The last offset of the stretch is before this one.
    package let end: Int64
    /// Everything before this offset has been passed.
    package private(set) var next: Int64

    package init(from start: Int64, to end: Int64) {
        self.end = end
        next = start
    }

    package var isComplete: Bool { next >= end }

    /// False for a record behind the stretch.
    package mutating func passes(recordAt offset: Int64) -> Bool {
        next = max(next, offset + 1)
        return offset < end
    }

    /// Anything but a record, heard at `offset`.
    package mutating func hears(_ code: rd_kafka_resp_err_t, at offset: Int64) -> Step {
        switch code {
        // Control records have no message of their own: how far they go one hears at the end. A follower, and a leader that has
        // only just become one, may know of an earlier end than the partition has; they tell of more later.
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            next = max(next, offset)
            return .goesOn
        // Of a client's group, which it has to have and which a reader of given partitions does not use.
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return .goesOn
        case let code: return code.isTransient ? .waits : .fails
        }
    }
}
