import Foundation

/// The process's standard output, for programs whose reader may go away (`weir run JOB | head`): a `FileHandle` would
/// end the process there. Callable from any thread.
public enum StandardOutput {
    /// Standard output cannot be written to: its reader is gone, or the disk it leads to is full.
    public struct Closed: UnrestartableError, CustomStringConvertible {
        let code: Int32
        public var description: String { "standard output cannot be written to: \(String(cString: strerror(code)))" }
    }

    /// Writes everything; blocks while the reader is slow. Throws `Closed`.
    public static func write(_ bytes: some Collection<UInt8>) throws {
        try Array(bytes).withUnsafeBytes { try writeAll($0) }
    }

    /// Writes out what `print` has kept back. Throws `Closed` when there is no room for it; a reader that is gone misses nothing.
    public static func flush() throws {
        guard fflush(nil) != 0 else { return }
        let code = errno
        if code != EPIPE { throw Closed(code: code) }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Foundation.write(STDOUT_FILENO, bytes.baseAddress! + done, bytes.count - done)  // not empty: has a base
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var descriptor = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&descriptor, 1, -1)
            } else if errno != EINTR {
                throw Closed(code: errno)
            }
        }
    }
}
