/// How much a client reads ahead, in records and bytes: of all partitions together where they share a queue, of each for its
/// part where they do not. Pure.
package struct ReadAhead: Equatable {
    package let records: Int
    package let kibibytes: Int
    private let pausesBriefly: Bool

    private static let kibibytesMax = 65_536
    /// So much at least for a queue, or its partition would be fetched in drops.
    private static let (recordsMin, kibibytesMin) = (1_000, 1_024)

    /// - Parameter pausesBriefly: the client has `fetch.queue.backoff.ms`. Those before 2.2 pause all fetching for a whole
    ///   second when a bound is reached (librdkafka#2879), so there it has to last for that long; it costs memory only as far
    ///   as the bytes allow, and about 300 bytes of bookkeeping a record.
    package init(separateQueues count: Int, pausesBriefly: Bool) {
        let parts = max(1, count)
        self.pausesBriefly = pausesBriefly
        records = max(Self.recordsMin, (pausesBriefly ? 100_000 : 500_000) / parts)
        kibibytes = max(Self.kibibytesMin, Self.kibibytesMax / parts)
    }

    var settings: [(String, String)] {
        [("queued.min.messages", String(records)), ("queued.max.messages.kbytes", String(kibibytes))]
            + (pausesBriefly ? [("fetch.queue.backoff.ms", "10")] : [])
    }
}
