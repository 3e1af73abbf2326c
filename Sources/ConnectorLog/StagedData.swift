import Foundation
import StreamRuntime

/// One frame that waits for its epoch's commit: in memory, or in the spill file of its epoch.
struct StagedFrame: Sendable {
    enum Place: Sendable {
        case memory(RawBuffer)
        case spilled(at: Int64)
    }
    var place: Place
    /// Head and body.
    let frameBytes: Int
    let recordCount: Int
    let timestampMillisMax: Int64
}

/// The records of one transaction, by partition, in the order they were sealed.
struct StagedData: Sendable {
    var frames: [LogTopicPartition: [StagedFrame]] = [:]
    var spill: SpillFile?
    var bytes = 0

    mutating func add(_ frame: StagedFrame, to partition: LogTopicPartition) {
        frames[partition, default: []].append(frame)
        bytes += frame.frameBytes
    }
}

/// Where the frames of one epoch go that memory has no room for. The file has no name: it is gone with
/// the process, as staged records should be.
final class SpillFile: @unchecked Sendable {  // `end` is guarded by the owning session's lock
    let file: LogFile
    private(set) var end: Int64 = 0

    init(in folder: String) throws {
        let path = folder + "/.spill-\(getpid())-\(UInt64.random(in: .min ... .max))"
        file = try LogFile(path, .createNew)
        try LogFolder.remove(path)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws -> Int64 {
        let at = end
        try file.write(bytes, at: at)
        end += Int64(bytes.count)
        return at
    }
}

/// Encodes records into one open frame per partition, and seals a frame when it is full.
/// Owned by one thread.
final class StagingArea {
    static let frameBytesFull = 256 << 10
    private static let frameBytesFirst = 8 << 10
    /// Records without a key stay with one partition for so many bytes, then the next one takes over:
    /// full frames instead of many small ones (Kafka's "sticky" partitioner does the same).
    private static let stickyBytes = 16 << 10

    private struct Open {
        var buffer: RawBuffer?
        var recordCount = 0
        var timestampMillisMax = Int64.min
        var hasFilled = false
    }
    private final class Route {
        let topic: String
        // As in RawBuffer: single accesses by the one owner.
        @exclusivity(unchecked) var open: [Open]
        @exclusivity(unchecked) var sticky: Int32
        @exclusivity(unchecked) var stickyRestBytes = StagingArea.stickyBytes
        init(topic: String, partitions: Int32, seed: Int) {
            self.topic = topic
            open = Array(repeating: Open(), count: Int(partitions))
            sticky = Int32(seed % Int(partitions))
        }
    }

    private let seed: Int
    private let recordBytesMax: Int
    private let partitionCount: (String) throws -> Int32
    private let takeBuffer: () -> RawBuffer?
    private let seal: (LogTopicPartition, StagedFrame) throws -> Void
    @exclusivity(unchecked) private var routes: [String: Route] = [:]
    @exclusivity(unchecked) private var last: Route?

    /// `seed`: which partition records without a key begin with. `takeBuffer`: an empty buffer to reuse.
    init(
        seed: Int, recordBytesMax: Int, partitionCount: @escaping (String) throws -> Int32,
        takeBuffer: @escaping () -> RawBuffer? = { nil },
        seal: @escaping (LogTopicPartition, StagedFrame) throws -> Void
    ) {
        self.seed = seed
        self.recordBytesMax = recordBytesMax
        self.partitionCount = partitionCount
        self.takeBuffer = takeBuffer
        self.seal = seal
    }

    /// Adds the record; returns its partition.
    @discardableResult
    func stage(_ record: borrowing LogRecordBuilder, nowMillis: () -> Int64) throws -> Int32 {
        let route = try route(record.topic)
        let bytes = record.encodedBytes
        guard bytes <= recordBytesMax else {
            throw LogUsageError(
                "a record of \(bytes) bytes for topic \(record.topic) is over the log's limit of \(recordBytesMax): "
                    + "make records smaller or raise recordBytesMax")
        }
        let partition = try choosePartition(record, route, bytes)
        let index = Int(partition)
        if let buffer = route.open[index].buffer, buffer.count + bytes > Self.frameBytesFull {
            try sealOpen(route, index)
        }
        let buffer = route.open[index].buffer ?? makeBuffer(&route.open[index])
        let timestamp = record.timestampMillis ?? nowMillis()
        record.write(to: buffer, timestampMillis: timestamp)
        route.open[index].recordCount += 1
        if timestamp > route.open[index].timestampMillisMax { route.open[index].timestampMillisMax = timestamp }
        return partition
    }

    /// Seals every open frame: the end of an epoch.
    func sealAll() throws {
        for route in routes.values {
            for index in route.open.indices where route.open[index].buffer != nil { try sealOpen(route, index) }
        }
    }

    private func route(_ topic: String) throws -> Route {
        if let last, last.topic == topic { return last }
        if let known = routes[topic] {
            last = known
            return known
        }
        let made = Route(topic: topic, partitions: try partitionCount(topic), seed: seed)
        routes[topic] = made
        last = made
        return made
    }

    private func choosePartition(_ record: borrowing LogRecordBuilder, _ route: Route, _ bytes: Int) throws -> Int32 {
        let partitions = Int32(route.open.count)
        if let chosen = record.partition {
            guard chosen >= 0, chosen < partitions else {
                throw LogUsageError("topic \(route.topic) has no partition \(chosen), only 0..<\(partitions)")
            }
            return chosen
        }
        if record.hasKey { return Murmur2.partition(ofKey: record.keyBuffer.bytes, partitions: partitions) }
        if route.stickyRestBytes <= 0 {
            route.sticky = (route.sticky + 1) % partitions
            route.stickyRestBytes = Self.stickyBytes
        }
        route.stickyRestBytes -= bytes
        return route.sticky
    }

    private func makeBuffer(_ open: inout Open) -> RawBuffer {
        // Most partitions of most epochs see little: begin small until one has filled a frame.
        let buffer =
            open.hasFilled
            ? (takeBuffer() ?? RawBuffer(capacity: Self.frameBytesFull)) : RawBuffer(capacity: Self.frameBytesFirst)
        buffer.count = FrameHeader.byteCount
        open.buffer = buffer
        return buffer
    }

    private func sealOpen(_ route: Route, _ index: Int) throws {
        guard let buffer = route.open[index].buffer else { return }
        let open = route.open[index]
        route.open[index] = Open(hasFilled: buffer.count > Self.frameBytesFull / 2)
        let body = UnsafeRawBufferPointer(rebasing: buffer.bytes[FrameHeader.byteCount...])
        // The offset is filled in by the commit; the hash of the body is taken here, on the writer's thread.
        FrameHeader(
            bodyBytes: body.count, baseOffset: 0, recordCount: open.recordCount,
            timestampMillisMax: open.timestampMillisMax, bodyChecksum: XXH64.hash(body)
        ).write(to: buffer.base)
        try seal(
            LogTopicPartition(topic: route.topic, partition: Int32(index)),
            StagedFrame(
                place: .memory(buffer), frameBytes: buffer.count, recordCount: open.recordCount,
                timestampMillisMax: open.timestampMillisMax))
    }
}
