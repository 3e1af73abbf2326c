import ControlPlane
import Foundation
import Testing

/// Commands as they are at a terminal.
@Suite(.serialized) struct TerminalTests {
    private let harness = ServerHarness()

    /// How somebody leaves `top`.
    enum Leaving: CaseIterable {
        case key, controlC, signal
    }

    private func ends(_ process: Process, _ terminal: PseudoTerminal) async throws {
        try await harness.eventually("it ends") {
            terminal.look()
            return !process.isRunning
        }
        terminal.look()
    }

    @Test(arguments: Leaving.allCases) func topDrawsAndLeavesTheTerminalAsItWas(_ leaving: Leaving) async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "100ms"]).code == 0)
        let terminal = try PseudoTerminal()
        let before = try terminal.mode()
        let top = try harness.start(["top", "counting", "--interval", "100ms"], on: terminal)
        try await harness.eventually("it has drawn several views") {
            terminal.look()
            let views = terminal.shown.components(separatedBy: "\u{1B}[H").dropFirst()
            return views.count { $0.contains("CHAIN") && $0.contains("  numbers") && $0.hasSuffix("\u{1B}[J") } > 2
        }
        #expect(terminal.shown.hasPrefix("\u{1B}[?1049h\u{1B}[?25l"))
        #expect(try terminal.mode()[3] & tcflag_t(ICANON | ECHO) == 0)
        // Other keys are nothing to it. (No key just before the signal: the terminal might hand it on when all is over.)
        let others = "x\u{1B}[A"
        switch leaving {
        case .key: terminal.type(others + "q")
        case .controlC: terminal.type(others + "\u{3}")
        case .signal: kill(top.processIdentifier, SIGTERM)
        }
        try await ends(top, terminal)
        #expect(top.terminationReason == .exit && top.terminationStatus == 0)
        #expect(terminal.shown.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"), "\(terminal.shown.suffix(200))")
        #expect(try terminal.mode() == before)
        #expect(!terminal.shown.contains("x^["), "keys are not echoed")
    }

    @Test func topThatCannotGoOnLeavesTheTerminalAsItWas() async throws {
        try await harness.startServer()
        let terminal = try PseudoTerminal()
        let before = try terminal.mode()
        let top = try harness.start(["top", "nobody"], on: terminal)
        try await ends(top, terminal)
        #expect(top.terminationStatus == 2)
        #expect(try terminal.mode() == before)
        // The error is on the shell's screen, after `top`'s own.
        let last = terminal.shown.components(separatedBy: "\u{1B}[?1049l").last ?? ""
        #expect(last.contains("knows no job 'nobody'"), "\(terminal.shown)")
    }

    @Test func aWaitingCommandShowsOneLineThatGoesInTheEnd() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "100ms"]).code == 0)
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        let terminal = try PseudoTerminal()
        let stop = try harness.start(["stop", "counting", "--wait"], on: terminal)
        try await harness.eventually("it says that it waits, and in which state the job is") {
            terminal.look()
            return terminal.shown.contains("\rstopping 'counting' … ") && terminal.shown.contains("s (")
        }
        kill(pid, SIGCONT)
        try await ends(stop, terminal)
        #expect(stop.terminationStatus == 0)
        #expect(terminal.shown.contains("\r\u{1B}[Kstopped 'counting' ("), "\(terminal.shown)")
    }
}

@Suite struct ScreenTextTests {
    @Test func aViewIsCutToTheScreen() {
        #expect(ScreenText.fit("a\nb\n\n", rows: 5, columns: 80) == "a\nb")
        #expect(ScreenText.fit("12345678 9\nb\nc\n", rows: 3, columns: 9) == "12345678\nb\nc")
        #expect(ScreenText.fit("12345678 9\nb\nc\n", rows: 2, columns: 9) == "12345678\n… 2 more")
        #expect(ScreenText.fit("a\nb\nc", rows: 1, columns: 1) == "…")
        #expect(ScreenText.fit("", rows: 2, columns: 2) == "")
    }
}
