import Foundation

/// The file operations that checkpoints rest on. A running job has the operating system's (`SystemDisk`); a test can
/// give it one that forgets, when it crashes, what was never synced. Any thread. Failures are `FileError`s.
///
/// Working files of state backends (RocksDB's databases) are not part of it: they are gone after a crash anyway.
public protocol Disk: Sendable {
    /// With the folders above it. Every one of them survives a crash when this returns, those that were there already as well.
    func makeFolder(_ path: String) throws

    /// A new file, open for writing. One that exists is an error.
    func create(_ path: String) throws -> any DiskFile

    /// Gives a finished local file the name `path` as well, and makes its content durable; not yet the name.
    func adopt(_ localPath: String, as path: String) throws

    /// Replaces what had the name `target`; a folder's name must be free. Durable once the folder is synced.
    func rename(_ path: String, to target: String) throws

    /// Nothing to do for a file that is not there.
    func remove(_ path: String)

    /// With all that is in it; nothing to do for one that is not there.
    func removeFolder(_ path: String)

    /// The names that a folder's entries have now survive a crash when this returns.
    func syncFolder(_ path: String) throws

    /// Names of a folder's entries, sorted.
    func list(_ folder: String) throws -> [String]

    /// `nil`: there is no such file.
    func size(_ path: String) -> Int?

    /// The whole content, mapped where that is possible; `nil`: there is no such file.
    func contents(_ path: String) throws -> Data?

    /// The name under which C libraries find the file. Throws where there is none.
    func localPath(_ path: String) throws -> String
}

/// A file being written, front to back. Used by one thread.
public protocol DiskFile: AnyObject {
    func append(_ bytes: UnsafeRawBufferPointer) throws
    /// What was appended survives a crash when this returns.
    func sync() throws
    func close()
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

    /// Of an error that Foundation threw, which has the system's inside; `errno` may have changed since.
    package init(_ operation: String, _ path: String, _ error: any Error) {
        let outer = error as NSError
        let inner = (outer.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? outer
        self.init(operation, path, code: inner.domain == NSPOSIXErrorDomain ? Int32(truncatingIfNeeded: inner.code) : EIO)
    }

    public var description: String {
        let reason = String(cString: strerror(code))
        let remedy = code == ENOSPC ? " (free some space; the job goes on from its last checkpoint)" : ""
        return "cannot \(operation) \(path): \(reason)\(remedy)"
    }
}
