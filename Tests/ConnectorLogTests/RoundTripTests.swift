import ConnectorLog
import Foundation
import StreamRuntime
import TestKit
import Testing

@Suite struct RoundTripTests {
    @Test func recordComesBackWithEverythingItHad() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        let records = [
            LogRecord(
                topic: "t", key: Array("k".utf8), value: Array("v".utf8),
                headers: [.init("traceparent", [1, 2, 3]), .init("", []), .init("traceparent", [9])],
                timestampMillis: 42),
            LogRecord(topic: "t", partition: 0, key: [], value: nil, timestampMillis: -7),
            LogRecord(topic: "t", partition: 0, value: [], timestampMillis: 0),
            LogRecord(topic: "t", partition: 0, value: [UInt8](repeating: 7, count: 1_000_000), timestampMillis: 1),
        ]
        let placed = try store.append(records)
        #expect(placed.map(\.offset) == [0, 1, 2, 3])
        let read = try store.reader(LogTopicPartition(topic: "t", partition: 0), at: 0).read(limit: 10)
        for (index, (wrote, got)) in zip(records, read).enumerated() {
            var expected = wrote
            expected.partition = 0
            expected.offset = Int64(index)
            #expect(got == expected)
        }
        #expect(read.count == records.count)
    }

    @Test func headerIsFoundByName() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        try store.append([
            LogRecord(topic: "t", value: [1], headers: [.init("a", [1]), .init("bb", [2, 3])])
        ])
        let reader = try store.reader(LogTopicPartition(topic: "t", partition: 0), at: 0)
        let record = try #require(try reader.next())
        #expect(record.header("bb").map { Array($0) } == [2, 3])
        #expect(record.header("b") == nil)
    }

    @Test func everythingIsThereAfterReopening() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 5_000
        let expected: [[String]]
        do {
            let store = try LogStore(path: folder.path, options: options)
            for round in 0..<50 {
                try store.append((0..<20).map { LogRecord(topic: "t", key: "k\($0)", text: "k\($0)=\(round)") })
            }
            expected = try contents(store)
            store.close()
        }
        #expect(expected.joined().count == 1_000)
        #expect(folder.files(suffix: ".seg").count > 8)
        options.verification = .everything
        let again = try LogStore(path: folder.path, options: options)
        #expect(again.recovery.isClean)
        #expect(try contents(again) == expected)
        try again.verifyAll()
    }

    @Test func keyDecidesThePartitionAsKafkaDoes() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 10)
        let placed = try store.append([LogRecord(topic: "t", key: Array("21".utf8), value: [1])])
        let expected = Int32((-973_932_308 as Int64) & 0x7FFF_FFFF) % 10  // murmur2 of "21"
        #expect(placed.first?.partition.partition == expected)
    }

    @Test func recordsWithoutKeyTakeTurnsInRuns() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 3)
        try store.append((0..<300).map { _ in LogRecord(topic: "t", value: [UInt8](repeating: 0, count: 1_000)) })
        let counts = try (0..<3).map { try store.offsets(LogTopicPartition(topic: "t", partition: $0)).count }
        #expect(counts.reduce(0, +) == 300)
        #expect(counts.allSatisfy { $0 > 60 })
    }

    @Test func misuseIsRefusedWithAReason() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.recordBytesMax = 100
        let store = try LogStore(path: folder.path, options: options)
        #expect(throws: LogUsageError.self) { try store.createTopic("../etc") }
        #expect(throws: LogUsageError.self) { try store.createTopic("") }
        #expect(throws: LogUsageError.self) { try store.createTopic("t", partitions: 0) }
        try store.createTopic("t", partitions: 2)
        #expect(throws: LogUsageError.self) { try store.createTopic("t", partitions: 3) }
        #expect(throws: LogUsageError.self) { try store.append([LogRecord(topic: "t", partition: 2, value: [])]) }
        #expect(throws: LogUsageError.self) {
            try store.append([LogRecord(topic: "t", value: [UInt8](repeating: 0, count: 101))])
        }
        let id = LogTopicPartition(topic: "t", partition: 0)
        #expect(throws: LogOutOfRange.self) { try store.reader(id, at: 1) }
        #expect(throws: LogUsageError.self) { try LogStore.folder(of: "kafka://x") }
        #expect(throws: LogUsageError.self) { try LogStore.folder(of: "log://relative") }
        #expect(try LogStore.folder(of: "log:///a/b%20c") == "/a/b c")
        store.close()
        #expect(throws: LogUsageError.self) { try store.append([LogRecord(topic: "t", value: [])]) }
    }

    @Test func sharedStoreIsOnePerFolder() throws {
        let folder = TemporaryFolder()
        let first = try LogStore.shared(at: "log://" + folder.path)
        let second = try LogStore.shared(at: folder.path + "/")
        #expect(first === second)
        first.close()
        let third = try LogStore.shared(at: folder.path)
        #expect(third !== first)
    }

    @Test func asynchronousAppendsShareRounds() async throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        let offsets = try await withThrowingTaskGroup(of: Int64.self) { group in
            for index in 0..<200 {
                group.addTask { try await store.append([LogRecord(topic: "t", text: "\(index)")])[0].offset }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(offsets.sorted() == (0..<200).map(Int64.init))
    }
}
