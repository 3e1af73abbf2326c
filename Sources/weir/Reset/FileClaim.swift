import Foundation
import StreamRuntime
import WeirKit

/// A file that nobody else uses while this lives: the locks of all that Weir keeps. Checkpoints and the log are locked with
/// `flock`; RocksDB and SQLite lock bytes of theirs with `fcntl`, which knows nothing of the other.
final class FileClaim {
    private let descriptor: Int32

    /// `nil`: there is no such file, so nobody uses it. Throws `CommandFailure` when somebody does.
    init?(_ path: String) throws {
        let opened = open(path, O_RDWR | O_CLOEXEC)
        guard opened >= 0 else {
            guard errno == ENOENT else { throw CommandFailure("\(path) cannot be opened: \(ErrorText.of(errno))") }
            return nil
        }
        var bytes = flock()
        bytes.l_type = Int16(F_WRLCK)
        bytes.l_whence = Int16(SEEK_SET)  // from 0, of no length: all of it
        guard flock(opened, LOCK_EX | LOCK_NB) == 0, fcntl(opened, F_SETLK, &bytes) == 0 else {
            let code = errno
            close(opened)
            let isTaken = [EWOULDBLOCK, EAGAIN, EACCES].contains(code)
            throw CommandFailure(
                isTaken
                    ? "a running process uses \(path); stop it first ('weir list' shows jobs under a server). Nothing was deleted"
                    : "\(path) cannot be locked: \(ErrorText.of(code)); nothing was deleted")
        }
        descriptor = opened
    }

    deinit { FileLock.release(descriptor) }
}
