import StreamRuntime

/// Writes staged frames behind the committed ends of partitions, and remembers what must be synced.
/// Used by the committing thread only.
final class SegmentAppender {
    private let paths: LogPaths
    private let segmentBytesMax: Int64
    private let step: LogStepHook?
    private static let openFilesMax = 256

    private var active: [LogTopicPartition: (base: Int64, file: LogFile)] = [:]
    private var dirtyFiles: [String: LogFile] = [:]
    private var dirtyFolders: Set<String> = []
    private let scratch = RawBuffer(capacity: 4096)

    init(_ paths: LogPaths, segmentBytesMax: Int64, step: LogStepHook?) {
        self.paths = paths
        self.segmentBytesMax = segmentBytesMax
        self.step = step
    }

    /// Writes `frames` behind `extent`; returns what the partition grows by.
    func append(
        _ frames: [StagedFrame], spill: SpillFile?, to id: LogTopicPartition, after extent: PartitionExtent
    ) throws -> CommitRecord.Growth {
        var end = extent.end
        var segment = extent.segments.last
        var written: [SegmentExtent] = []
        for frame in frames {
            if let full = segment, full.bytes + Int64(frame.frameBytes) > segmentBytesMax {
                if written.last?.base == full.base { written[written.count - 1] = full }
                segment = nil
            }
            var target = segment ?? SegmentExtent(base: end, bytes: 0, timestampMillisMax: .min)
            if written.last?.base != target.base { written.append(target) }
            let file = try open(id, target)
            let buffer = try load(frame, spill)
            finishHeader(of: frame, in: buffer, baseOffset: end)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[0..<frame.frameBytes])
            try file.write(bytes, at: target.bytes)
            dirtyFiles[file.path] = file
            let from = target.bytes
            target.bytes += Int64(frame.frameBytes)
            target.timestampMillisMax = max(target.timestampMillisMax, frame.timestampMillisMax)
            end += Int64(frame.recordCount)
            written[written.count - 1] = target
            segment = target
            try step?(.segmentWritten(path: file.path, from: from, to: target.bytes))
        }
        return CommitRecord.Growth(partition: id, end: end, segments: written)
    }

    /// Everything appended since the last call is on the device when this returns.
    func synchronize() throws {
        for (path, file) in dirtyFiles.sorted(by: { $0.key < $1.key }) {
            try file.synchronize()
            try step?(.segmentSynced(path: path))
        }
        dirtyFiles.removeAll(keepingCapacity: true)
        for folder in dirtyFolders.sorted() {
            try LogFolder.synchronize(folder)
            try step?(.directorySynced(path: folder))
        }
        dirtyFolders.removeAll(keepingCapacity: true)
        if active.count > Self.openFilesMax { active.removeAll() }
    }

    /// Forgets open files and what was to be synced: after a failure, before the log is read again.
    func reset() {
        active.removeAll()
        dirtyFiles.removeAll()
        dirtyFolders.removeAll()
    }

    private func open(_ id: LogTopicPartition, _ segment: SegmentExtent) throws -> LogFile {
        if let known = active[id], known.base == segment.base { return known.file }
        let path = paths.segment(id, base: segment.base)
        let file = try LogFile(path, segment.bytes == 0 ? .createNew : .write)
        if segment.bytes == 0 {
            dirtyFolders.insert(paths.partition(id))
            try step?(.segmentCreated(path: path))
        }
        active[id] = (segment.base, file)
        return file
    }

    private func load(_ frame: StagedFrame, _ spill: SpillFile?) throws -> RawBuffer {
        switch frame.place {
        case .memory(let buffer): return buffer
        case .spilled(let at):
            guard let spill else { throw LogUsageError("a spilled frame lost its spill file") }
            scratch.count = 0
            scratch.reserve(frame.frameBytes)
            let target = UnsafeMutableRawBufferPointer(start: scratch.base, count: frame.frameBytes)
            scratch.count = try spill.file.read(into: target, at: at)
            guard scratch.count == frame.frameBytes else {
                throw LogCorruption(
                    file: spill.file.path, byte: at, problem: "the spill file of an open transaction is cut short")
            }
            return scratch
        }
    }

    private func finishHeader(of frame: StagedFrame, in buffer: RawBuffer, baseOffset: Int64) {
        let base = UnsafeRawPointer(buffer.base)
        FrameHeader(
            bodyBytes: frame.frameBytes - FrameHeader.byteCount, baseOffset: baseOffset,
            recordCount: frame.recordCount, timestampMillisMax: frame.timestampMillisMax,
            bodyChecksum: base.word(32, as: UInt64.self)
        ).write(to: buffer.base)
    }
}
