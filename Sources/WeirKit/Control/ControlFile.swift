import Foundation
import StreamRuntime
import UntrustedJSON

/// What a job's process says about itself in the file that `control.file` names: where it can be reached, and, once it has
/// ended in order, how. A process that was killed leaves no end. Written by the process alone, to a temporary name and
/// renamed; read by whoever watches it, even one that did not start it.
public struct ControlFile: Sendable, Codable {
    public let process: ProcessIdentity
    /// Of its control API.
    public let host: String
    public let port: Int
    public var end: End?

    public struct End: Sendable, Codable {
        /// The process's exit code.
        public let code: Int32
        /// Why it failed.
        public let message: String?
        /// The jobs as they were at the end.
        public let jobs: [JobSnapshot]
    }

    public init(process: ProcessIdentity, host: String, port: Int, end: End? = nil) {
        self.process = process
        self.host = host
        self.port = port
        self.end = end
    }

    /// `nil` when there is none, or it cannot be read as one.
    public static func read(_ path: String) -> ControlFile? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try? UntrustedJSON.decode(ControlFile.self, from: data)
    }

    /// Throws `CommandFailure`.
    public func write(_ path: String) throws {
        let temporary = "\(path).\(process.pid).tmp"
        let data: Data
        do { data = try JSONEncoder().encode(self) } catch {
            throw CommandFailure("the control file cannot be encoded: \(error)")
        }
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure("\(temporary) cannot be made: \(ErrorText.of(errno)); see control.file")
        }
        defer { close(descriptor) }
        do { try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: data) } catch {
            throw CommandFailure("\(temporary) cannot be written: \(ErrorText.of(error)); see control.file")
        }
        guard fsync(descriptor) == 0 else {
            throw CommandFailure("\(temporary) cannot be written: \(ErrorText.of(errno)); see control.file")
        }
        guard rename(temporary, path) == 0 else {
            throw CommandFailure("\(temporary) cannot be renamed: \(ErrorText.of(errno))")
        }
    }
}
