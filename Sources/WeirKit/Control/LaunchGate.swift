import Foundation

/// Holds back a process that was started until it is written down that it was: a process that nobody knows of does nothing.
/// It waits at its standard input for a word; when whoever started it ends before that, or drops the gate, it ends as well.
package struct LaunchGate: ~Copyable {
    /// The environment of a process that has to wait. No setting: an executable that knows nothing of it begins at once.
    package static let variable = "HELD_BY_WEIR_SERVER"

    /// Standard input of the process.
    package let inside: Int32
    private let outside: Int32

    /// Throws `CommandFailure`.
    package init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw CommandFailure("a process cannot be started: \(ErrorText.of(errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        inside = ends[0]
        outside = ends[1]
    }

    deinit {
        close(outside)
        close(inside)
    }

    /// The process may begin. One that has ended meanwhile does not matter: this side reads too, so the pipe is whole.
    package func open() {
        var word: UInt8 = 1
        while write(outside, &word, 1) < 0, errno == EINTR {}
    }

    /// Returns at once in a process that nobody holds, and else when it may begin. Throws `CommandFailure`.
    static func pass(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        guard environment[variable] != nil else { return }
        var word: UInt8 = 0
        var count = read(STDIN_FILENO, &word, 1)
        while count < 0, errno == EINTR { count = read(STDIN_FILENO, &word, 1) }
        guard count == 1 else {
            throw CommandFailure(
                "whoever started this process ended before that was written down; the next one starts another",
                status: .interrupted)
        }
    }
}
