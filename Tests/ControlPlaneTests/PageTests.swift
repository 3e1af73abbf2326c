import ControlPlane
import Foundation
import Testing

@Suite struct PageTests {
    /// `embed.c` names each file by hand.
    @Test func everyFileOfThePageIsInTheBinary() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/CControlPage").path
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { [".js", ".css", ".html", ".svg"].contains(where: $0.hasSuffix) }
        #expect(Set(ControlPage.files.map(\.path)) == Set(names.map { "/" + $0 }))
        for file in ControlPage.files {
            #expect(FileManager.default.contents(atPath: folder + file.path) == file.bytes, "\(file.path)")
        }
    }

    /// `page_check.py` clicks through it.
    @Test func thePageShowsAndChangesAJobInARealBrowser() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let python = environment["WEIR_TEST_BROWSER_PYTHON"], let browser = environment["WEIR_TEST_BROWSER"] else {
            Issue.record(
                """
                WEIR_TEST_BROWSER is not set: run `make test`, or `scripts/servers install browser` and \
                `set -a; eval "$(scripts/servers env)"; set +a` before `swift test`
                """)
            return
        }
        let harness = ServerHarness()
        try await harness.startServer()
        let submitted = try await harness.run([
            "submit", "counting", "-d", "--checkpoint-interval", "200ms", "--parallelism", "2",
        ])
        #expect(submitted.code == 0, "\(submitted.errors)")
        let endless = try await harness.run(["submit", "endless", "--detached"])
        #expect(endless.code == 0, "\(endless.errors)")
        _ = try await harness.run(["submit", "broken", "--detached", "--set", "restart.strategy=none"])
        try await harness.waitUntil("broken", is: "FAILED")
        let guarded = ServerHarness()
        try await guarded.startServer(environment: ["WEIR_SERVER_TOKEN": "the-token-of-the-page"])
        let shots = environment["WEIR_TEST_SHOTS"].map { [$0] } ?? []
        let said = try await harness.script(
            "page_check.py", python, [harness.url, browser, guarded.url, "the-token-of-the-page"] + shots)
        #expect(said.code == 0 && said.output.contains("checks passed"), "\(said.output)")
    }
}
