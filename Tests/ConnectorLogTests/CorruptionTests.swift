import ConnectorLog
import Foundation
import StreamRuntime
import TestKit
import Testing

@Suite struct CorruptionTests {
    private let id = LogTopicPartition(topic: "t", partition: 0)

    private func makeLog() throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 600
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1)
        for number in 0..<12 { try store.append([LogRecord(topic: "t", text: "record \(number)")]) }
        store.close()
        return folder
    }

    private func flip(_ path: String, _ byte: Int) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        data[byte] ^= 0x10
        try data.write(to: URL(fileURLWithPath: path))
    }

    @Test func flippedByteAnywhereInARecordIsFoundWhenRead() throws {
        let folder = try makeLog()
        let segment = try #require(folder.files(suffix: ".seg").first)
        let size = try Data(contentsOf: URL(fileURLWithPath: segment)).count
        for byte in 0..<size {
            try flip(segment, byte)
            defer { try? flip(segment, byte) }
            let store = try LogStore(path: folder.path)
            let error = #expect(throws: LogCorruption.self, "byte \(byte)") { try contents(store) }
            #expect(error?.file == segment)
            #expect(error.map { $0.byte <= Int64(byte) } == true)
            #expect(throws: LogCorruption.self) { try store.verifyAll() }
        }
        var options = LogStoreOptions()
        options.verification = .everything
        try flip(segment, size / 2)
        #expect(throws: LogCorruption.self) { try LogStore(path: folder.path, options: options) }
    }

    @Test func flippedByteInTheLastCommitIsFoundOnOpening() throws {
        let folder = try makeLog()
        let segment = try #require(folder.files(suffix: ".seg").last)
        let size = try Data(contentsOf: URL(fileURLWithPath: segment)).count
        try flip(segment, size - 1)
        let error = #expect(throws: LogCorruption.self) { try LogStore(path: folder.path) }
        #expect(error?.file == segment)
    }

    @Test func flippedByteAnywhereInTheJournalIsRefused() throws {
        let folder = try makeLog()
        let journal = try #require(folder.files(suffix: ".journal").last)
        let size = try Data(contentsOf: URL(fileURLWithPath: journal)).count
        for byte in stride(from: 0, to: size, by: 3) + Array(size - 60..<size) {
            try flip(journal, byte)
            let error = #expect(throws: LogCorruption.self, "byte \(byte)") { try LogStore(path: folder.path) }
            #expect(error?.file == journal)
            try flip(journal, byte)
        }
        let store = try LogStore(path: folder.path)
        #expect(try contents(store)[0].count == 12)
    }

    @Test func missingOrShortSegmentIsNamed() throws {
        for change in 0..<4 {
            let folder = try makeLog()
            let segments = folder.files(suffix: ".seg")
            let victim = segments[change == 1 ? segments.count - 1 : 0]
            switch change {
            case 0, 1: try FileManager.default.removeItem(atPath: victim)
            case 2:
                let handle = try #require(FileHandle(forUpdatingAtPath: victim))
                try handle.truncate(atOffset: 100)
            default: try FileManager.default.removeItem(atPath: folder.path + "/topics/t")
            }
            let error = #expect(throws: LogCorruption.self) { try LogStore(path: folder.path) }
            if change < 3 { #expect(error?.file == victim) }
            if change == 2 { #expect(error?.byte == 100) }
        }
    }

    @Test func recordsWithoutAJournalAreRefused() throws {
        let folder = try makeLog()
        for journal in folder.files(suffix: ".journal") { try FileManager.default.removeItem(atPath: journal) }
        #expect(throws: LogCorruption.self) { try LogStore(path: folder.path) }
    }

    @Test func damagedTopicDescriptionIsRefused() throws {
        let folder = try makeLog()
        try flip(folder.path + "/topics/t/meta", 20)
        #expect(throws: LogCorruption.self) { try LogStore(path: folder.path) }
    }
}

private func + (a: StrideTo<Int>, b: [Int]) -> [Int] { Array(a) + b }
