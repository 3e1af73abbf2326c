/// Buffered sequential writing of one checkpoint file, hashing as it goes. Owned by one thread.
public struct CheckpointFileWriter: ~Copyable {
    private let file: any DiskFile
    private let faults: (any FaultInjector)?
    private var buffer: [UInt8] = []
    private var digest = XXH64Stream()
    private var written = 0
    private static let bufferBytes = 1 << 18

    /// Creates `path`, which must not exist.
    init(creating path: String, on disk: any Disk, faults: (any FaultInjector)? = nil) throws {
        file = try disk.create(path)
        self.faults = faults
    }

    deinit { file.close() }

    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        if bytes.count >= Self.bufferBytes {
            try drain()
            return try put(bytes)
        }
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferBytes { try drain() }
    }

    public mutating func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Bytes written so far.
    public var offset: Int { written + buffer.count }

    /// Everything is on disk when this returns.
    mutating func finish() throws -> (bytes: Int, hash: String) {
        try drain()
        try faults?.reached(.fileWritten)
        #if WEIR_PLANTED
            if PlantedMistake.unsyncedFiles.isOn { return (written, hexDigits(digest.finish())) }
        #endif
        try file.sync()
        return (written, hexDigits(digest.finish()))
    }

    private mutating func drain() throws {
        let full = buffer
        try full.withUnsafeBytes { try put($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) throws {
        try file.append(bytes)
        digest.update(bytes)
        written += bytes.count
    }
}
