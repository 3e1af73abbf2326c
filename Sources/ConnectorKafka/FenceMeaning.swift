import StreamRuntime

/// What a fence says. Pure.
///
/// A broker raises a producer's epoch for two reasons: another owner has called `init_transactions`, or a transaction has
/// outlived its time-out and the broker aborted it. The client is told the same. After a machine or process stood still for
/// longer than the time-out (a suspended host, SIGSTOP) the second needs no first: the attempt is over, the job is not.
///
/// Should there be another owner all the same, the restart finds its decision and ends without fencing it (`OwnDecisions`).
/// One that has decided nothing yet is fenced, before the decision is read, so both never write, and ends for good: its
/// transactions are young. So two processes do not take the island from each other in turns; on one host `JobLock` keeps the
/// second from starting at all.
package enum FenceMeaning {
    /// Since when a transaction of the attempt may be open at the broker, by a clock that goes on while the machine sleeps.
    package struct Opening: Equatable, Sendable {
        package var epoch: Epoch
        package var nanos: Int64

        package init(epoch: Epoch, nanos: Int64) {
            self.epoch = epoch
            self.nanos = nanos
        }
    }

    /// What the fence says when one of the attempt's open transactions is past its time-out; nil: another owner has fenced.
    package static func expiry(openings: [Opening], nowNanos: Int64, timeoutMillis: Int) -> KafkaEpochExpired? {
        guard let oldest = openings.min(by: { $0.nanos < $1.nanos }) else { return nil }
        let openMillis = (nowNanos - oldest.nanos) / 1_000_000
        guard openMillis > Int64(timeoutMillis) else { return nil }
        return KafkaEpochExpired(
            epoch: oldest.epoch.rawValue,
            description: "epoch \(oldest.epoch) has been open for \(openMillis) ms, more than the transaction time-out of "
                + "\(timeoutMillis) ms, and the broker has aborted it: this process or its machine stood still")
    }
}
