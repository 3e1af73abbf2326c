import StoreKit
import StreamRuntime

/// Keeps the latest value of each key in Redis and tells a channel of it. A value is taken only when its version is newer
/// than that of the one there, so repeated and overtaken writes change nothing.
///
///     totals.sink(try RedisSink("redis://127.0.0.1:6379", versionField: "count") { total in
///         RedisEntry(key: "total:\(total.user)", value: total.json, version: total.count)
///     })
///
/// The value is a JSON object that holds its version under `versionField`, without blanks around the colon; readers need
/// nothing but GET. Acknowledged before their epoch is decided; while Redis is down the job is paused. A cache is no place
/// for the only copy: entries have a time to live.
public struct RedisSink<Element>: Sink {
    private let sink: EncodedSink<Element, VersionedSet>

    /// - Parameters:
    ///   - url: `redis://[[user]:password@]host[:port][/database][?timeout-ms=2000]`; `rediss://` for TLS, with `?ca=/path` for an
    ///     authority that the system does not know.
    ///   - timeToLive: how long an entry lives without being written again.
    ///   - entry: what a record is in Redis. Runs on task threads.
    public init(
        _ url: String, versionField: String, timeToLive: Duration = .seconds(3600),
        options: BatchingOptions = BatchingOptions(BatchLimits(countMax: 1024, ageMax: .zero)),
        entry: @escaping @Sendable (Element) throws -> RedisEntry
    ) throws(StoreError) {
        let parts = try StoreURL(url)
        try parts.allow(RedisConnection.Address.settings)
        let isName =
            !versionField.isEmpty
            && versionField.utf8.allSatisfy {
                $0 | 0x20 >= 97 && $0 | 0x20 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 95
            }
        guard isName else { throw .invalid("the version's name '\(versionField)' is not of letters, digits and '_'") }
        let writer = RedisWriter(try RedisConnection.Address(parts))
        let guarding = StoreGuard("redis")
        let timeToLiveMillis = max(1, Int64(timeToLive / .milliseconds(1)))
        let sets = BatchingSink<VersionedSet>(options, failures: .store("redis"), weight: { $0.value.count }) { sets in
            _ = try await guarding.run("set") { () async throws(StoreError) in try await writer.set(sets) }
        }
        sink = EncodedSink(into: sets) { element in
            let entry = try entry(element)
            guard entry.version >= 0 else { throw StoreError.invalid("\(entry.key): the version \(entry.version) is below zero") }
            return VersionedSet(
                key: Array(entry.key.utf8), value: entry.value, version: entry.version, timeToLiveMillis: timeToLiveMillis,
                channel: Array((entry.channel ?? entry.key).utf8), versionField: versionField)
        }
    }

    public func makeWriter(_ context: SinkWriterContext) -> EncodedWriter<Element, some Sendable> { sink.makeWriter(context) }
}

/// One key's latest value.
public struct RedisEntry: Sendable {
    public var key: String
    /// A JSON object that holds its version.
    public var value: [UInt8]
    public var version: Int64
    /// Where newer values are published; the key's name when nil.
    public var channel: String?

    public init(key: String, value: [UInt8], version: Int64, channel: String? = nil) {
        self.key = key
        self.value = value
        self.version = version
        self.channel = channel
    }
}
