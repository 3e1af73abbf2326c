import ConnectorElasticsearch
import Foundation
import StoreKit
import StreamRuntime
import Synchronization
import TestServers
import TestKit
import Testing

/// Against Elasticsearch and OpenSearch.
@Suite struct ElasticsearchSinkTests {
    private static let servers: [TestServer] = [.elasticsearch, .opensearch]
    private let index = freshName("readings-")

    private func sink(
        _ client: ElasticsearchClient, onRefused: (@Sendable ([RefusedDocument]) async throws -> Void)? = nil
    ) -> ElasticsearchSink<Reading> {
        let index = index
        return ElasticsearchSink(
            client, index: { _ in index }, id: { "\($0.sensor)-\($0.number)" },
            options: BatchingOptions(BatchLimits(countMax: 50, bytesMax: 1 << 20, ageMax: .milliseconds(5)), inFlightMax: 2),
            onRefused: onRefused
        ) { reading, json in json += reading.json.utf8 }
    }

    private func count(_ client: ElasticsearchClient) async throws -> Int {
        _ = try await client.call(.post, "/\(index)/_refresh")
        let (_, answer) = try await client.call(.get, "/\(index)/_count")
        return try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Any])["count"] as? Int ?? -1
    }

    @Test(arguments: servers) func eachRecordIsADocumentOnceAlsoWhenWrittenAgain(_ server: TestServer) async throws {
        let client = try ElasticsearchClient(try server.url())
        let readings = (Int64(0)..<500).map { Reading($0) }
        try await SinkBench { $0.sink(sink(client)) }.run(readings)
        try await SinkBench { $0.sink(sink(client)) }.run(readings + [Reading(7), Reading(8, sensor: "s\"2\\")])
        #expect(try await count(client) == 501)
        await client.close()
    }

    @Test(arguments: servers) func whatTheMappingForbidsIsPutAsideAndTheRestStored(_ server: TestServer) async throws {
        let client = try ElasticsearchClient(try server.url())
        let mapping = #"{"mappings":{"properties":{"sensor":{"type":"long"},"number":{"type":"long"}}}}"#
        _ = try await client.call(.put, "/\(index)", body: Data(mapping.utf8))
        let refused = Mutex<[RefusedDocument]>([])
        let bench = try SinkBench { $0.sink(sink(client) { documents in refused.withLock { $0 += documents } }) }
        try await bench.run([Reading(1, sensor: "12"), Reading(2, sensor: "no number"), Reading(3, sensor: "13")])
        #expect(refused.withLock { $0.map(\.document.id) } == ["no number-2"])
        #expect(refused.withLock { $0.first?.reason.isEmpty } == false)
        #expect(try await count(client) == 2)
        await client.close()
    }

    @Test func withoutAPlaceForThemRefusedDocumentsFailTheJob() async throws {
        let client = try ElasticsearchClient(try TestServer.elasticsearch.url())
        _ = try await client.call(.put, "/\(index)", body: Data(#"{"mappings":{"properties":{"sensor":{"type":"long"}}}}"#.utf8))
        let error = await #expect(throws: JobFailure.self) {
            try await SinkBench { $0.sink(sink(client)) }.run([Reading(1, sensor: "x")])
        }
        let words = "\(error?.cause ?? CancellationError())"
        #expect(words.contains("onRefused"))
        await client.close()
    }

    /// Failure case 3 for this sink: down, then losing answers, then up; paused meanwhile, nothing lost or doubled.
    @Test(arguments: servers) func anOutagePausesTheJobAndLosesNothing(_ server: TestServer) async throws {
        let proxy = try await FaultProxy(to: try server.port())
        let client = try ElasticsearchClient("elasticsearch://127.0.0.1:\(proxy.port)?timeout-ms=300")
        let direct = try ElasticsearchClient(try server.url())
        let bench = try SinkBench { $0.sink(sink(client)) }
        async let ended: Void = bench.runner.run()
        bench.source.push(contentsOf: (Int64(0)..<100).map { Reading($0) })
        try await eventually("the first hundred are stored") { (try? await count(direct)) == 100 }
        proxy.set(.down)
        bench.source.push(contentsOf: (Int64(100)..<200).map { Reading($0) })
        try await eventually("the job is paused") { bench.isPaused }
        proxy.set(.losingAnswers)
        try await eventually("answers are lost") { proxy.answersLost >= 2 }
        proxy.set(.silent)
        bench.source.push(contentsOf: (Int64(200)..<300).map { Reading($0) })
        proxy.set(.passing)
        bench.source.finish()
        try await ended
        #expect(try await count(direct) == 300)
        await client.close()
        await direct.close()
        await proxy.stop()
    }

    /// A full disk blocks indices in this way: no document is at fault, none may be put aside.
    @Test(arguments: servers) func aBlockedIndexPausesTheJobInTheClustersWordsAndLosesNothing(_ server: TestServer) async throws {
        let client = try ElasticsearchClient(try server.url())
        _ = try await client.call(.put, "/\(index)", body: Data("{}".utf8))
        _ = try await client.call(.put, "/\(index)/_settings", body: Data(#"{"index":{"blocks":{"write":true}}}"#.utf8))
        let refused = Mutex<[RefusedDocument]>([])
        let bench = try SinkBench { $0.sink(sink(client) { documents in refused.withLock { $0 += documents } }) }
        async let ended: Void = bench.runner.run()
        bench.source.push(contentsOf: (Int64(0)..<100).map { Reading($0) })
        try await eventually("the job is paused") { bench.isPaused }
        guard case .paused(let reasons) = bench.runner.status else { Issue.record("not paused: \(bench.runner.status)"); return }
        #expect(reasons.count == 1)
        #expect(reasons.first?.contains("takes nothing") == true && reasons.first?.contains("cluster_block_exception") == true)
        _ = try await client.call(.put, "/\(index)/_settings", body: Data(#"{"index":{"blocks":{"write":false}}}"#.utf8))
        bench.source.finish()
        try await ended
        #expect(try await count(client) == 100)
        #expect(refused.withLock { $0.isEmpty })
        await client.close()
    }

    @Test func credentialsTravelInHeadersAndNeverInMessages() async throws {
        let url = "elasticsearch://elastic:s3cret@127.0.0.1:1"
        let client = try ElasticsearchClient(url)
        let error = await #expect(throws: StoreError.self) { _ = try await client.call(.get, "/_cat/indices") }
        #expect(!"\(error!)".contains("s3cret") && "\(error!)".contains("127.0.0.1:1"))
        await client.close()
        #expect(throws: StoreError.self) { try ElasticsearchClient("elasticsearch://host?tsl=true") }
    }
}

/// Which answers to one action of a bulk mean that its record is at fault.
@Suite struct BulkOutcomeTests {
    private func outcome(_ status: Int, _ error: String?) throws -> BulkOutcome {
        let error = error.map { #","error":\#($0)"# } ?? ""
        let answer = #"{"errors":true,"items":[{"create":{"_index":"i","_id":"1","status":\#(status)\#(error)}}]}"#
        return try #require(try BulkOutcome.read(Data(answer.utf8)).first)
    }

    private func error(_ type: String, _ reason: String = "words") -> String { #"{"type":"\#(type)","reason":"\#(reason)"}"# }

    @Test(arguments: [200, 201, 409]) func whatIsThereIsStored(_ status: Int) throws {
        #expect(try outcome(status, status == 409 ? error("version_conflict_engine_exception") : nil) == .stored)
    }

    @Test(arguments: [
        "document_parsing_exception", "mapper_parsing_exception", "strict_dynamic_mapping_exception", "x_content_parse_exception",
        "illegal_argument_exception", "invalid_index_name_exception",
    ])
    func whatIsInTheRecordIsRefused(_ type: String) throws {
        #expect(try outcome(400, error(type)) == .refused(reason: "\(type): words"))
    }

    @Test func aDocumentTooLargeAndWordsOfNoKnownTypeAreRefused() throws {
        #expect(try outcome(413, nil) == .refused(reason: "status 413"))
        #expect(
            try outcome(400, #""MapperParsingException[failed to parse]""#)
                == .refused(reason: "MapperParsingException[failed to parse]"))
    }

    @Test(arguments: [
        (401, "security_exception", "words"), (403, "security_exception", "words"), (403, "cluster_block_exception", "words"),
        (404, "index_not_found_exception", "words"), (400, "index_closed_exception", "closed"),
        (400, "validation_exception", "Validation Failed: 1: this action would add [2] shards"),
        (400, "illegal_argument_exception", "Validation Failed: 1: this action would add [2] total shards"),
        (400, "illegal_argument_exception", "no write index is defined for alias [trades]"),
        (429, "es_rejected_execution_exception", "words"), (503, "unavailable_shards_exception", "words"),
        (408, "timeout", "words"),
    ])
    func whatIsNotInTheRecordWaits(_ status: Int, _ type: String, _ reason: String) throws {
        #expect(try outcome(status, error(type, reason)) == .later(status: status, reason: "\(type): \(reason)"))
    }
}
