import Foundation
import StreamRuntime

/// The one writing process of a log: an exclusive `flock` on `owner.lock`, which also holds the pid.
/// The kernel lets go of it when the process ends, however it ends.
final class OwnerLock: Sendable {
    private let descriptor: Int32

    init(_ paths: LogPaths) throws {
        // A file that was replaced between opening and locking would let two owners in: look again.
        for _ in 0..<8 {
            let candidate = open(paths.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard candidate >= 0 else { throw FileError("open", paths.lock) }
            guard flock(candidate, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                let pid = Self.readPid(candidate)
                close(candidate)
                guard code == EWOULDBLOCK else { throw FileError("lock", paths.lock, code: code) }
                throw LogOwnedElsewhere(path: paths.root, pid: pid)
            }
            var opened = stat()
            var named = stat()
            if fstat(candidate, &opened) == 0, stat(paths.lock, &named) == 0, opened.st_ino == named.st_ino,
                opened.st_dev == named.st_dev
            {
                descriptor = candidate
                Self.writePid(candidate)
                return
            }
            close(candidate)
        }
        throw LogUsageError("\(paths.lock) keeps being replaced while it is locked: stop whatever clears the folder")
    }

    deinit { FileLock.release(descriptor) }

    private static func readPid(_ descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes[0..<count], as: UTF8.self).prefix { $0.isNumber })
    }

    /// For the message to others only: a failure to write it changes nothing.
    private static func writePid(_ descriptor: Int32) {
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
    }
}
