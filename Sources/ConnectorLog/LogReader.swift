import Foundation
import StreamRuntime

/// Reads one partition in order, following commits as they happen. Only committed records show.
///
/// Owned by one thread. Records are read in chunks of 256 KiB and handed out without copying.
public final class LogReader {
    public let partition: LogTopicPartition
    /// The offset of the next record.
    @exclusivity(unchecked) public private(set) var position: Int64

    private let store: LogStore
    private let feed: PartitionFeed
    private let frames: FrameReader
    private var segment: SegmentExtent?
    /// What is left of the frame in hand. (Unchecked, as `position`: touched once a record by one thread.)
    @exclusivity(unchecked) private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The first offset of the next frame; `nil` until the first one is found.
    private var frameOffset: Int64?
    static let chunkBytes = 256 << 10

    init(_ store: LogStore, _ partition: LogTopicPartition, position: Int64) {
        self.store = store
        self.partition = partition
        self.position = position
        feed = store.feeds.feed(partition)
        frames = FrameReader(bufferBytes: Self.chunkBytes)
    }

    /// The next record, or `nil` when everything committed has been read. The view is valid until the
    /// next call. Throws `LogOutOfRange` or `LogCorruption`; about 20 ns when the record is in the buffer.
    public func next() throws -> LogRecordView? {
        if rest.isEmpty {
            guard try advanceFrame() else { return nil }
        }
        guard
            let (view, byteCount) = RecordLayout.parse(
                rest, topic: partition.topic, partition: partition.partition, offset: position)
        else { throw malformed() }
        rest = UnsafeRawBufferPointer(rebasing: rest[byteCount...])
        position += 1
        return view
    }

    /// At most `limit` records, copied: for tools and tests.
    public func read(limit: Int) throws -> [LogRecord] {
        var records: [LogRecord] = []
        while records.count < limit, let view = try next() { records.append(view.copy()) }
        return records
    }

    /// Committed records not read yet.
    public var lag: Int64 { max(0, feed.end - position) }

    /// The offsets there are to read: from the first kept to the end.
    public var range: Range<Int64> {
        let extent = feed.extent
        return extent.start..<extent.end
    }

    /// Calls `wake`, on the committing thread, whenever the partition has changed; until the returned
    /// value is released. In a process that only reads there are no such calls: poll.
    public func onCommit(_ wake: @escaping @Sendable () -> Void) -> LogSubscription {
        LogSubscription(feed, feed.addWaiter(wake))
    }

    private func malformed() -> LogCorruption {
        LogCorruption(
            file: store.paths.segment(partition, base: segment?.base ?? 0), byte: frames.position,
            problem: "the record at offset \(position) does not fit its frame")
    }

    /// Makes `rest` begin with the record at `position`; false at the committed end.
    private func advanceFrame() throws -> Bool {
        if position >= feed.end {
            try store.refresh()
            if position > feed.end { throw outOfRange() }
            if position == feed.end { return false }
        }
        while true {
            if let segment,
                try frames.next(committedBytes: segment.bytes, expectedOffset: frameOffset)
            {
                let header = frames.header
                frameOffset = header.endOffset
                rest = frames.body
                return try skipInFrame(from: header.baseOffset)
            }
            try openSegment()
        }
    }

    private func skipInFrame(from base: Int64) throws -> Bool {
        for offset in stride(from: base, to: position, by: 1) {
            guard
                let (_, byteCount) = RecordLayout.parse(
                    rest, topic: partition.topic, partition: partition.partition, offset: offset)
            else { throw malformed() }
            rest = UnsafeRawBufferPointer(rebasing: rest[byteCount...])
        }
        return true
    }

    /// Finds the segment that holds `position`, or the growth of the one in hand.
    private func openSegment() throws {
        let extent = feed.extent
        guard position >= extent.start, let index = extent.segments.lastIndex(where: { $0.base <= position }) else {
            throw outOfRange()
        }
        let found = extent.segments[index]
        if let segment, segment.base == found.base {
            guard found.bytes > segment.bytes else {
                throw LogCorruption(
                    file: store.paths.segment(partition, base: found.base), byte: found.bytes,
                    problem: "the segment ends before offset \(position), which is committed")
            }
            self.segment = found
            return
        }
        let file: LogFile
        do {
            file = try LogFile(store.paths.segment(partition, base: found.base), .read)
        } catch let error as FileError where error.code == ENOENT {
            // Retention may have been quicker.
            try store.refresh(isForced: true)
            if position < feed.extent.start { throw outOfRange() }
            throw LogCorruption(file: error.path, byte: 0, problem: "a segment with committed records is missing")
        }
        frames.open(file, at: 0)
        if frameOffset == nil, position > found.base {
            let wanted = position
            try frames.skip(committedBytes: found.bytes) { $0.endOffset > wanted }
        } else {
            frameOffset = found.base
        }
        segment = found
    }

    private func outOfRange() -> LogOutOfRange {
        let extent = feed.extent
        return LogOutOfRange(
            topic: partition.topic, partition: partition.partition, position: position, start: extent.start,
            end: extent.end)
    }

    /// The first offset whose record's timestamp is `millis` or later; the end if there is none.
    func offset(atTimestampMillis millis: Int64) throws -> Int64 {
        let extent = feed.extent
        for (index, candidate) in extent.segments.enumerated() where candidate.timestampMillisMax >= millis {
            let file = try LogFile(store.paths.segment(partition, base: candidate.base), .read)
            let walker = FrameReader(bufferBytes: Self.chunkBytes)
            walker.open(file, at: 0)
            try walker.skip(committedBytes: candidate.bytes) { $0.timestampMillisMax >= millis }
            guard try walker.next(committedBytes: candidate.bytes, expectedOffset: nil) else {
                return index + 1 < extent.segments.count ? extent.segments[index + 1].base : extent.end
            }
            var body = walker.body
            for offset in walker.header.baseOffset..<walker.header.endOffset {
                guard
                    let (view, byteCount) = RecordLayout.parse(
                        body, topic: partition.topic, partition: partition.partition, offset: offset)
                else { throw malformed() }
                if view.timestampMillis >= millis { return offset }
                body = UnsafeRawBufferPointer(rebasing: body[byteCount...])
            }
        }
        return extent.end
    }
}

/// Keeps a `LogReader.onCommit` alive.
public final class LogSubscription: Sendable {
    private let feed: PartitionFeed
    private let number: UInt64

    init(_ feed: PartitionFeed, _ number: UInt64) {
        self.feed = feed
        self.number = number
    }

    deinit { feed.removeWaiter(number) }
}
