import Foundation
import StreamRuntime
import WeirKit

/// The whole terminal while a command draws on it: another screen than the shell's, without a cursor, and keys as they are
/// pressed. `restore` leaves everything as it was.
final class TerminalScreen: Sendable {
    private let before: termios

    /// Nil unless standard input and standard output are a terminal.
    init?() {
        var mode = termios()
        guard isatty(STDOUT_FILENO) == 1, tcgetattr(STDIN_FILENO, &mode) == 0 else { return nil }
        before = mode
        // Ctrl-C comes as a key, too: it is the same as q.
        mode.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        withUnsafeMutableBytes(of: &mode.c_cc) {
            $0[Int(VMIN)] = 1
            $0[Int(VTIME)] = 0
        }
        tcsetattr(STDIN_FILENO, TCSADRAIN, &mode)
        try? StandardOutput.write("\u{1B}[?1049h\u{1B}[?25l".utf8)
    }

    func restore() {
        try? StandardOutput.write("\u{1B}[?25h\u{1B}[?1049l".utf8)
        var mode = before
        // Keys that nobody has read are not for the shell, which would show them.
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &mode)
    }

    /// Draws a view after the other until q, Ctrl-C or a signal; throws what `view` throws.
    func show(everyMillis millis: Int, _ view: @escaping @Sendable () async throws -> String) async throws {
        let (ending, end) = AsyncStream.makeStream(of: Void.self)
        let signals = StopSignals(first: { _ in end.finish() }, second: { [self] _ in restore() })
        defer { signals.cancel() }
        let keys = DispatchSource.makeReadSource(fileDescriptor: STDIN_FILENO, queue: DispatchQueue(label: "weir.keys"))
        keys.setEventHandler { if Self.readsEnd() { end.finish() } }
        keys.resume()
        defer { keys.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while true {
                    try draw(try await view())
                    try await Task.sleep(for: .milliseconds(millis))
                }
            }
            group.addTask { for await _ in ending {} }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func draw(_ text: String) throws {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 && size.ws_col > 0
        let shown = isKnown ? ScreenText.fit(text, rows: Int(size.ws_row), columns: Int(size.ws_col)) : text
        // Home, then what is new, then the rest of the old screen goes: no flicker.
        try StandardOutput.write(("\u{1B}[H" + shown.replacing("\n", with: "\u{1B}[K\n") + "\u{1B}[J").utf8)
    }

    /// What was typed has a key that ends, or there is nobody to type any more.
    private static func readsEnd() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        guard count > 0 else { return count == 0 || (errno != EINTR && errno != EAGAIN) }
        return bytes.prefix(count).contains { [UInt8(ascii: "q"), UInt8(ascii: "Q"), 3, 4].contains($0) }
    }
}

/// What of a text a screen has room for. Pure.
package enum ScreenText {
    /// The last column stays free: a terminal that is at the end of a full line erases its last character.
    package static func fit(_ text: String, rows: Int, columns: Int) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last?.isEmpty == true { lines.removeLast() }
        if lines.count > rows {
            let hidden = lines.count - rows + 1
            lines = lines.prefix(rows - 1) + ["… \(hidden) more"]
        }
        return lines.map { String($0.prefix(max(1, columns - 1))) }.joined(separator: "\n")
    }
}
