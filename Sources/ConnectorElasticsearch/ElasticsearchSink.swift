import StoreKit
import StreamRuntime

/// Stores each record as a document, once: the document's id comes from the record, and one that is there already counts
/// as stored.
///
///     clicks.sink(ElasticsearchSink(client, index: { "clicks-\($0.month)" }, id: \.id) { click, json in
///         json.append(contentsOf: click.json)
///     })
///
/// Documents are sent in bulks, acknowledged before their epoch is decided. While the cluster is down or refuses for now (also
/// for want of disk, of an index, of a privilege) the job is paused and nothing is lost. Documents that the cluster will never
/// take (a field of another type than the mapping has) go to `onRefused`, without which they fail the job.
public struct ElasticsearchSink<Element>: Sink {
    private let sink: EncodedSink<Element, ElasticsearchDocument>

    /// - Parameters:
    ///   - index, id: where a record goes and what it is called there; the same whenever the record is written again. An index
    ///     that depends on time must take it from the record.
    ///   - onRefused: puts refused documents aside; awaited before the epoch is decided, and called again with the same ones
    ///     after a restart. What it throws is treated as a failure of the bulk.
    ///   - document: appends the record's JSON, in one line. Runs on task threads.
    public init(
        _ client: ElasticsearchClient, index: @escaping @Sendable (Element) -> String,
        id: @escaping @Sendable (Element) -> String,
        options: BatchingOptions = BatchingOptions(BatchLimits(countMax: 1000, bytesMax: 5 << 20), inFlightMax: 2),
        onRefused: (@Sendable ([RefusedDocument]) async throws -> Void)? = nil,
        document: @escaping @Sendable (Element, inout [UInt8]) throws -> Void
    ) {
        let guarding = StoreGuard("elasticsearch")
        let bulks = BatchingSink<ElasticsearchDocument>(
            options, failures: .store("elasticsearch"), weight: { $0.json.count + 100 }
        ) { documents in
            let refused = try await guarding.run("bulk") { () async throws(StoreError) in try await client.store(documents) }
            if refused.isEmpty { return }
            guard let onRefused else { throw RefusedDocuments(client: client.name, first: refused[0], count: refused.count) }
            try await onRefused(refused)
        }
        sink = EncodedSink(into: bulks) { element in
            var json: [UInt8] = []
            try document(element, &json)
            return ElasticsearchDocument(index: index(element), id: id(element), json: json)
        }
    }

    public func makeWriter(_ context: SinkWriterContext) -> EncodedWriter<Element, ElasticsearchDocument> {
        sink.makeWriter(context)
    }
}

/// A document on its way.
public struct ElasticsearchDocument: Hashable, Sendable {
    public let index: String
    public let id: String
    /// One line.
    public let json: [UInt8]

    public init(index: String, id: String, json: [UInt8]) {
        self.index = index
        self.id = id
        self.json = json
    }
}

/// A document the cluster refused for good.
public struct RefusedDocument: Hashable, Sendable {
    public let document: ElasticsearchDocument
    /// The cluster's own words.
    public let reason: String
}

extension ElasticsearchClient {
    /// Stores documents that are not there yet, in one bulk. Returns those the cluster will never take. Throws when one or
    /// more could not be stored for now: storing all of them again is harmless.
    public func store(_ documents: [ElasticsearchDocument]) async throws(StoreError) -> [RefusedDocument] {
        if documents.isEmpty { return [] }
        var body = BulkBody()
        for document in documents { body.create(index: document.index, id: document.id, document: document.json) }
        let outcomes = try await bulk(body.bytes, count: body.count)
        var refused: [RefusedDocument] = []
        for (document, outcome) in zip(documents, outcomes) {
            switch outcome {
            case .stored: continue
            case .refused(let reason): refused.append(RefusedDocument(document: document, reason: reason))
            case .later(let status, let reason):
                throw ElasticsearchRefusal.meaning(ofAction: status, reason, "_bulk on \(name)")
            }
        }
        return refused
    }
}

/// Documents were refused, and nobody puts them aside.
public struct RefusedDocuments: Error, CustomStringConvertible {
    let client: String
    let first: RefusedDocument
    let count: Int

    public var description: String {
        "\(client) refused \(count) document(s) for good, the first (\(first.document.index)/\(first.document.id)): "
            + "\(first.reason); correct the mapping, or give the sink an onRefused"
    }
}
