import Foundation
import Testing

/// A terminal that a test looks at and types into.
final class PseudoTerminal {
    private let outside: Int32
    /// For the process that runs on it.
    let inside: FileHandle
    private var sent: [UInt8] = []
    /// All that it was sent so far.
    var shown: String { String(decoding: sent, as: UTF8.self) }

    init() throws {
        var (near, far) = (Int32(-1), Int32(-1))
        try #require(openpty(&near, &far, nil, nil, nil) == 0, "no pseudo-terminal: \(errno)")
        outside = near
        // A process started meanwhile must not keep it open, and who looks at it does not wait.
        for descriptor in [near, far] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(near, F_SETFL, O_RDWR | O_NONBLOCK)
        inside = FileHandle(fileDescriptor: far, closeOnDealloc: true)
    }

    deinit { close(outside) }

    /// Takes what it was sent since; a process that writes to a terminal nobody reads stands still.
    func look() {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(outside, &bytes, bytes.count)
            guard count > 0 else { return }
            sent += bytes.prefix(count)
        }
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(write(outside, bytes, bytes.count) == bytes.count)
    }

    /// What it does with keys and output: the flags of `termios`.
    func mode() throws -> [tcflag_t] {
        var mode = termios()
        try #require(tcgetattr(inside.fileDescriptor, &mode) == 0)
        return [mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag]
    }
}
