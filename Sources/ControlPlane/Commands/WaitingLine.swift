import Foundation
import WeirKit

/// What a command shows while it waits, on a terminal: what for, how long already, and a bar where the length is known. It goes
/// when the waiting ends; in a pipe there is none.
package struct WaitingLine {
    private let what: String
    private let totalSeconds: Int?
    private let began = ContinuousClock.now
    private let isShown = isatty(STDERR_FILENO) == 1
    private static let barWidth = 30

    init(_ what: String, ofSeconds totalSeconds: Int? = nil) {
        self.what = what
        self.totalSeconds = totalSeconds
    }

    func show() {
        guard isShown else { return }
        let seconds = Int((ContinuousClock.now - began).components.seconds)
        StandardError.print("\r" + Self.text(what, seconds: seconds, of: totalSeconds) + "\u{1B}[K", terminator: "")
    }

    func end() {
        if isShown { StandardError.print("\r\u{1B}[K", terminator: "") }
    }

    /// Pure.
    package static func text(_ what: String, seconds: Int, of total: Int?) -> String {
        guard let total, total > 0 else { return "\(what) … \(Age.text(millis: Int64(seconds) * 1000))" }
        let done = min(barWidth, seconds * barWidth / total)
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: barWidth - done)
        return "\(what) \(bar) \(min(seconds, total)) of \(total) s"
    }
}
