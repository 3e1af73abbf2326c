import Foundation

/// Who holds a file's `fcntl` lock, as the kernel tells it.
enum LockOwner {
    /// Nil when nobody does, or it cannot be told. Not for a file that this process has locked itself: closing it here would
    /// let go of that lock.
    static func pid(of path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = flock()
        bytes.l_type = Int16(F_WRLCK)
        bytes.l_whence = Int16(SEEK_SET)  // from 0, of no length: all of it
        guard fcntl(descriptor, F_GETLK, &bytes) == 0, bytes.l_type != Int16(F_UNLCK), bytes.l_pid > 0 else { return nil }
        return bytes.l_pid
    }
}
