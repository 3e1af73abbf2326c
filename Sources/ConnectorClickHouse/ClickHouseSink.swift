import NIOCore
import StoreKit
import StreamRuntime

/// Inserts each record as a row of a ClickHouse table, in blocks.
///
///     clicks.sink(ClickHouseSink(client, table: "clicks") { click, json in json += click.json })
///
/// After a restart rows since the last decision are inserted again, in other blocks: the table must be one that keeps
/// one row a key (`ReplacingMergeTree`), read with `FINAL`. Behind `cuts`, blocks are the same ones again, and the server
/// recognises those it has by their token, which saves the work:
///
///     clicks.cuts(BatchLimits(countMax: 10_000, ageMax: .seconds(1))) { ($0.partition, $0.offset) }
///         .sink(ClickHouseSink(client, table: "clicks", name: { "clicks/\($0)" }, cuts: { click, json in json += click.json }))
///
/// Acknowledged before their epoch is decided; while the server is down the job is paused and nothing is lost. What the
/// server refuses for good fails the job: a block is taken whole or not at all.
public struct ClickHouseSink<Element>: Sink {
    private let sink: EncodedSink<Element, ClickHouseBlock>

    /// `row` appends the record as a JSON object, in one line. Runs on task threads.
    public init(
        _ client: ClickHouseClient, table: String,
        options: BatchingOptions = BatchingOptions(BatchLimits(countMax: 50_000, bytesMax: 16 << 20, ageMax: .seconds(1))),
        row: @escaping @Sendable (Element, inout [UInt8]) throws -> Void
    ) {
        let guarding = StoreGuard("clickhouse")
        let blocks = BatchingSink<ClickHouseBlock>(
            options, failures: .store("clickhouse"), weight: { $0.rows.count }
        ) { parts in
            try await guarding.run("insert") { () async throws(StoreError) in
                try await client.insert(into: table, rows: ByteBuffer(joining: parts))
            }
        }
        sink = EncodedSink(into: blocks) { element in
            var block = ClickHouseBlock()
            try block.append { try row(element, &$0) }
            return block
        }
    }

    /// The same for cuts, each one insert. The token is made from `name`, the partition, the range and the rows, never from a
    /// checkpoint's number: a `row` that renders a record differently at another time (fields in no fixed order) saves
    /// nothing. `inFlightMax`: inserts side by side, per subtask.
    public init<Partition, Row>(
        _ client: ClickHouseClient, table: String, inFlightMax: Int = 2, name: @escaping @Sendable (Partition) -> String,
        cuts row: @escaping @Sendable (Row, inout [UInt8]) throws -> Void
    ) where Element == Cut<Partition, Row> {
        let guarding = StoreGuard("clickhouse")
        let blocks = BatchingSink<ClickHouseBlock>(
            BatchingOptions(BatchLimits(countMax: 1, ageMax: .zero), inFlightMax: inFlightMax), failures: .store("clickhouse")
        ) { parts in
            for part in parts {
                try await guarding.run("insert") { () async throws(StoreError) in
                    try await client.insert(into: table, rows: ByteBuffer(bytes: part.rows), cut: part.cut)
                }
            }
        }
        sink = EncodedSink(into: blocks) { cut in
            var block = ClickHouseBlock(cut: "\(name(cut.partition))/\(cut.firstOffset)-\(cut.lastOffset)")
            for element in cut.elements { try block.append { try row(element, &$0) } }
            return block
        }
    }

    public func makeWriter(_ context: SinkWriterContext) -> EncodedWriter<Element, ClickHouseBlock> {
        sink.makeWriter(context)
    }
}

/// Rows on their way, as `JSONEachRow`.
public struct ClickHouseBlock: Sendable {
    fileprivate(set) var rows: [UInt8] = []
    /// The cut's name; nil for a block that is none.
    let cut: String?

    init(cut: String? = nil) { self.cut = cut }

    fileprivate mutating func append(_ row: (inout [UInt8]) throws -> Void) rethrows {
        try row(&rows)
        rows.append(UInt8(ascii: "\n"))
    }
}

extension ByteBuffer {
    fileprivate init(joining blocks: [ClickHouseBlock]) {
        self.init()
        reserveCapacity(blocks.reduce(0) { $0 + $1.rows.count })
        for block in blocks { writeBytes(block.rows) }
    }
}
