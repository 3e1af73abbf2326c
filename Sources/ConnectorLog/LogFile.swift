import Foundation
import StreamRuntime

/// One step of the durability protocol, told to the test hook after it was done. A hook that throws
/// is a crash at that point.
package enum LogStep: Sendable, Equatable {
    case segmentCreated(path: String)
    case segmentWritten(path: String, from: Int64, to: Int64)
    case segmentSynced(path: String)
    case directorySynced(path: String)
    case journalWritten(path: String, from: Int64, to: Int64)
    case journalSynced(path: String)
    case journalStarted(path: String)
    case journalRenamed(path: String)
    case removed(path: String)
}

package typealias LogStepHook = @Sendable (LogStep) throws -> Void

/// An open file with positional reads and writes; closed when the last reference goes.
/// Callable from any thread: it has no state but the descriptor.
final class LogFile: Sendable {
    let descriptor: Int32
    let path: String

    enum Mode { case read, write, createNew }

    init(_ path: String, _ mode: Mode) throws {
        let flags: Int32
        switch mode {
        case .read: flags = O_RDONLY
        case .write: flags = O_RDWR
        case .createNew: flags = O_RDWR | O_CREAT | O_TRUNC
        }
        descriptor = open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("open", path) }
        self.path = path
    }

    deinit { close(descriptor) }

    func size() throws -> Int64 { Int64(try status().st_size) }

    /// True once no folder names the file any more.
    func isUnlinked() throws -> Bool { try status().st_nlink == 0 }

    private func status() throws -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("look at", path) }
        return status
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws {
        var rest = bytes
        var at = position
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = pwrite(descriptor, base, rest.count, off_t(at))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError("write", path) }
            at += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Fills `buffer` from `position` on; fewer bytes than asked for only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws -> Int {
        var filled = 0
        while filled < buffer.count, let base = buffer.baseAddress {
            let count = pread(descriptor, base + filled, buffer.count - filled, off_t(position) + off_t(filled))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    func readAll() throws -> [UInt8] {
        let count = Int(try size())
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
    }

    /// Data, and the size if it changed, are on the device when this returns.
    func synchronize() throws {
        #if canImport(Darwin)
            guard fcntl(descriptor, F_FULLFSYNC) == 0 else { throw FileError("fsync", path) }
        #else
            guard fdatasync(descriptor) == 0 else { throw FileError("fdatasync", path) }
        #endif
    }

    func truncate(to bytes: Int64) throws {
        guard ftruncate(descriptor, off_t(bytes)) == 0 else { throw FileError("truncate", path) }
    }
}

/// The few folder operations the log needs.
enum LogFolder {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes `path` and its parents; a new folder's name is on the device when this returns.
    static func create(_ path: String) throws {
        if !exists(path) { try SystemDisk().makeFolder(path) }
    }

    /// Names in the folder, sorted; without `.` and `..`.
    static func names(in path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw FileError("list", path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func synchronize(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("fsync folder", path) }
    }

    static func rename(_ old: String, to new: String) throws {
        guard Foundation.rename(old, new) == 0 else { throw FileError("rename to \(new)", old) }
    }

    static func remove(_ path: String) throws {
        if unlink(path) != 0 && errno != ENOENT { throw FileError("remove", path) }
    }
}
