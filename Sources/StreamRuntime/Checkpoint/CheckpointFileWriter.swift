import Foundation

/// Buffered sequential writing of one checkpoint file, hashing as it goes. Owned by one thread.
public struct CheckpointFileWriter: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []
    private var digest = XXH64Stream()
    private var written = 0
    private static let bufferBytes = 1 << 18

    /// Creates `path`, which must not exist.
    init(creating path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("create", path) }
        self.path = path
        buffer.reserveCapacity(Self.bufferBytes)
    }

    deinit { close(descriptor) }

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
        guard fsync(descriptor) == 0 else { throw FileError("fsync", path) }
        return (written, hexDigits(digest.finish()))
    }

    private mutating func drain() throws {
        let full = buffer
        try full.withUnsafeBytes { try put($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError("write", path) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        digest.update(bytes)
        written += bytes.count
    }
}

/// A failed file operation: what, where, why.
public struct FileError: Error, CustomStringConvertible {
    public let operation: String
    public let path: String
    public let code: Int32

    public init(_ operation: String, _ path: String, code: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    public var description: String {
        let reason = String(cString: strerror(code))
        let remedy = code == ENOSPC ? " (free some space; the job goes on from its last checkpoint)" : ""
        return "cannot \(operation) \(path): \(reason)\(remedy)"
    }
}
