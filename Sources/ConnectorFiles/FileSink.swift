import Foundation
import StreamRuntime
import Synchronization

// INVARIANTS of FileSink, and who keeps each.
//
//  1. A file under its final name is whole and durable: written to a hidden name, synced, renamed, the
//     folder synced (FilePublisher.publish).
//  2. An epoch is acknowledged, and so decided, only after its file is there (FileSinkWriter.isAcknowledged;
//     rule 8).
//  3. Epoch E of subtask S has one file name. An epoch that is run again after a restart replaces the file
//     that the run before it left, also when it has no records now (FilePublisher.publish).
//  4. At the first epoch E that an attempt ends, what an attempt before it left of epochs after E goes:
//     none of those was decided (FilePublisher.removeStale).

/// Writes lines to files of a folder: `part-<subtask>-<epoch>`, one per subtask and epoch that has records.
///
/// **What is guaranteed.** No record of a decided epoch is ever missing or cut. A file appears *before* its
/// epoch is decided, so whoever reads the folder while a job runs may see the newest epoch's records, a
/// failure, and then those records again, differently cut, under the same names: at least once. Once the
/// job has gone on for one epoch after a failure, the folder holds each record exactly once (invariants
/// 3, 4), provided that the folder is one job's alone, that its parallelism has not shrunk since, and
/// that nobody has moved files away meanwhile. Where that is not enough, write to a log or to Kafka.
///
/// Cost: one sync of a file and of the folder per subtask and epoch, on a thread of its own.
public struct FileSink<Element>: Sink {
    /// Appends the element's line, without its end, to the buffer.
    public typealias Encode = @Sendable (Element, inout [UInt8]) throws -> Void

    public let folder: String
    public let suffix: String
    /// Bytes of one subtask's epoch that wait to be written before the writer is not ready.
    public let pendingBytesMax: Int
    private let encode: Encode

    public init(
        folder: String, suffix: String = ".txt", pendingBytesMax: Int = 16 << 20, encode: @escaping Encode
    ) {
        self.folder = folder
        self.suffix = suffix
        self.pendingBytesMax = pendingBytesMax
        self.encode = encode
    }

    public func makeWriter(_ context: SinkWriterContext) throws -> FileSinkWriter<Element> {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let publisher = FilePublisher(
            folder: folder, suffix: suffix, subtask: context.subtask, pendingBytesMax: pendingBytesMax,
            wake: context.wake)
        return FileSinkWriter(publisher: publisher, encode: encode)
    }
}

extension FileSink where Element == String {
    /// Each text as a line. Line ends inside a text would make two lines of it: they are refused.
    public init(lines folder: String) {
        self.init(folder: folder) { text, line in
            guard !text.utf8.contains(0x0A) else {
                throw FileSourceError(file: folder, problem: "a text with a line end in it cannot be a line: \(text.prefix(80))")
            }
            line.append(contentsOf: text.utf8)
        }
    }
}

/// One subtask of a `FileSink`. Owned by one task thread; files are written on the publisher's.
public struct FileSinkWriter<Element>: SinkWriter {
    private let publisher: FilePublisher
    private let encode: FileSink<Element>.Encode
    private var buffer: [UInt8] = []
    private static var chunkBytes: Int { 256 << 10 }

    init(publisher: FilePublisher, encode: @escaping FileSink<Element>.Encode) {
        self.publisher = publisher
        self.encode = encode
    }

    public var isReady: Bool { publisher.isReady }

    public mutating func write(_ element: Element) throws {
        try encode(element, &buffer)
        buffer.append(0x0A)
        if buffer.count >= Self.chunkBytes { handOver() }
    }

    public mutating func flush() throws { if !buffer.isEmpty { handOver() } }

    public mutating func endEpoch(_ epoch: Epoch) throws {
        try flush()
        publisher.publish(epoch)
    }

    public func isAcknowledged(through epoch: Epoch) throws -> Bool { try publisher.isPublished(through: epoch) }

    public mutating func close() { publisher.close() }

    private mutating func handOver() {
        publisher.append(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
