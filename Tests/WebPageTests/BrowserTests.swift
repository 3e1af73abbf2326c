import Foundation
import TestKit
import Testing

/// The page in a real browser, against a real `weir up` on its embedded defaults: `Browser/run.py` goes through all
/// scenarios once, each test looks at what came out of one.
@Suite struct BrowserTests {
    @Test(arguments: [
        "pure_modules",
        "sign_in_and_account", "token_sign_in", "live_prices_move", "order_by_clicking", "rejected_order_shows_its_reason",
        "refused_order_shows_the_problem", "ticket_is_judged_as_it_is_typed", "keyboard_only",
        "history_is_searched_and_paged", "analytics_by_keyboard", "looks_right", "planted_flaws_are_found", "theme_is_kept",
        "picture_live", "picture_order", "picture_dark", "picture_narrow", "picture_disconnected", "planted_differences_are_seen",
        "lost_answer_is_one_order", "busy_server_is_tried_again", "reload_in_the_middle_of_an_order",
        "pending_is_shown_until_the_outcome", "expired_sign_in_loses_nothing", "stores_that_are_down_say_so",
        "prices_that_stand_still_are_marked", "comes_back_after_a_restart",
    ])
    func scenario(_ name: String) async throws {
        let run = try await BrowserRun.shared.value
        let result = try #require(run.results[name], "the scenario was not run: \(run.errors)")
        #expect(result.failure == nil, "\(result.failure ?? "")")
    }

    @Test func everyScenarioHasATest() async throws {
        let run = try await BrowserRun.shared.value
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        #expect(!run.results.isEmpty, "\(run.errors)")
        for name in run.results.keys { #expect(source.contains("\"\(name)\""), "\(name) is looked at by no test") }
    }
}

/// What one run of all scenarios came to.
private struct BrowserRun {
    struct Result: Decodable {
        let name: String
        /// What went wrong; nil when nothing did.
        let failure: String?
    }

    let results: [String: Result]
    /// The end of what was written to standard error.
    let errors: Substring

    static let shared = Task { try await start() }

    private static let minutesMax = 10

    private static func start() async throws -> BrowserRun {
        let python = try setting("WEIR_TEST_BROWSER_PYTHON"), browser = try setting("WEIR_TEST_BROWSER")
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Browser")
        let scratch = TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [
            "-B", folder.appendingPathComponent("run.py").path, "--browser", browser, "--gateway", try gatewayCommand(),
        ]
        // To files, so that no pipe can fill up.
        let output = scratch.path + "/output", errors = scratch.path + "/errors"
        for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        // The script ends what it started when it is asked to end.
        let watchdog = Task {
            try await Task.sleep(for: .seconds(60 * minutesMax))
            process.terminate()
        }
        while process.isRunning { try await Task.sleep(for: .milliseconds(100)) }
        watchdog.cancel()
        let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
        let results = try lines.map { try JSONDecoder().decode(Result.self, from: Data($0.utf8)) }
        return BrowserRun(
            results: Dictionary(results.map { ($0.name, $0) }) { first, _ in first },
            errors: try String(contentsOfFile: errors, encoding: .utf8).suffix(2000))
    }

    /// The whole system with few simulated orders, so that the machine is left to the browser.
    private static func gatewayCommand() throws -> String {
        let weir = try BuiltExecutable.path("weir")
        return """
            '\(weir)' up --gateway-port {port} --metrics-port 0 --set data={folder}/data --checkpoint-dir {folder}/checkpoints \
            --set orders.rate=20 --set trading.users=20
            """
    }

    private static func setting(_ variable: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty else {
            throw Missing(
                description: "\(variable) is not set: run `make test`, or `scripts/servers install browser` and "
                    + "`set -a; eval \"$(scripts/servers env)\"; set +a` before `swift test`")
        }
        return value
    }

    private struct Missing: Error, CustomStringConvertible {
        let description: String
    }
}
