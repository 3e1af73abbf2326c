import Foundation
import WeirKit

/// What a command says on standard error while it waits: what for, how long already, how the job does, and a bar where the
/// length is known. On a terminal that is one line, which goes when the waiting ends; in a pipe or a file now and then a line.
final class WaitingLine {
    private let what: String
    private let totalSeconds: Int?
    private let began = ContinuousClock.now
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var plain = PlainProgress()
    private var askedAt: ContinuousClock.Instant?

    init(_ what: String, ofSeconds totalSeconds: Int? = nil) {
        self.what = what
        self.totalSeconds = totalSeconds
    }

    /// The state is worth asking for again: once a second.
    func isStateDue() -> Bool {
        let now = ContinuousClock.now
        if let askedAt, now - askedAt < .seconds(1) { return false }
        askedAt = now
        return true
    }

    func show(_ state: String?) {
        let seconds = Int((ContinuousClock.now - began).components.seconds)
        if isTerminal {
            let text = WaitingText.line(what, seconds: seconds, of: totalSeconds, state: state)
            StandardError.print("\r" + text + "\u{1B}[K", terminator: "")
        } else if plain.isDue(state, atSeconds: seconds) {
            StandardError.print(WaitingText.plain(what, seconds: seconds, of: totalSeconds, state: state))
        }
    }

    func end() {
        if isTerminal { StandardError.print("\r\u{1B}[K", terminator: "") }
    }
}

/// When a command that waits away from a terminal says so. What is done within two seconds says nothing; after that it is told
/// when the job's state is another, and more and more seldom while it stays the same. Pure.
package struct PlainProgress {
    private static let quietSeconds = 2
    private static let repeatSeconds = 5
    private static let repeatSecondsMax = 300

    private var told: (state: String?, atSeconds: Int)?
    private var pause = repeatSeconds

    package init() {}

    package mutating func isDue(_ state: String?, atSeconds now: Int) -> Bool {
        guard now - (told?.atSeconds ?? 0) >= Self.quietSeconds else { return false }
        if let told, told.state == state {
            guard now - told.atSeconds >= pause else { return false }
            pause = min(2 * pause, Self.repeatSecondsMax)
        } else {
            pause = Self.repeatSeconds
        }
        told = (state, now)
        return true
    }
}

/// Pure.
package enum WaitingText {
    private static let barWidth = 30

    /// On a terminal.
    package static func line(_ what: String, seconds: Int, of total: Int?, state: String?) -> String {
        guard let total, total > 0 else { return plain(what, seconds: seconds, of: total, state: state) }
        let done = min(barWidth, seconds * barWidth / total)
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: barWidth - done)
        return "\(what) \(bar) \(min(seconds, total)) of \(total) s"
    }

    package static func plain(_ what: String, seconds: Int, of total: Int?, state: String?) -> String {
        let length = total.map { " of \($0)s" } ?? ""
        return "\(what) … \(Age.text(millis: Int64(min(seconds, total ?? seconds)) * 1000))\(length)"
            + (state.map { " (\($0))" } ?? "")
    }
}
