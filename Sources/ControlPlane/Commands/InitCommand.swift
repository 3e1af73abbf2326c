import ArgumentParser
import Foundation
import WeirKit

/// `init NAME`: a package with a job and its test.
struct InitCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "init", abstract: "Make a new package with a job, its test, and all of these commands.",
            discussion: """
                EXAMPLES
                  \(App.commandName) init my-jobs --weir https://example.com/weir.git
                  cd my-jobs && swift test -c release && swift run -c release my-jobs run word-count
                """)
    }

    @Argument(help: "The package's name, and that of its folder here.") var name: String
    @Option(
        help: ArgumentHelp(
            "Where Weir is: a path, or the URL of a repository (default: the checkout this executable was built in).",
            valueName: "place"))
    var weir: String?

    func run() throws {
        guard Scaffold.isName(name) else {
            throw UsageError("'\(name)' is no package name: use lower-case letters, digits and '-', beginning with a letter")
        }
        let place = try weir.map(Self.place) ?? Self.ownCheckout()
        guard !FileManager.default.fileExists(atPath: name) else {
            throw UsageError("there is something named '\(name)' here already")
        }
        for (path, text) in Scaffold(name: name, weir: place).files {
            let url = URL(fileURLWithPath: "\(name)/\(path)")
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        print("made \(name); next:  cd \(name) && swift test -c release  (the first build takes minutes)")
    }

    private static func ownCheckout() throws -> String {
        var url = URL(fileURLWithPath: Bundle.main.executablePath ?? "/").resolvingSymlinksInPath()
        while url.path != "/" {
            url.deleteLastPathComponent()
            if isCheckout(url.path) { return url.path }
        }
        throw UsageError("say where Weir is: --weir PATH or --weir URL")
    }

    /// A path counts from here; in the package it would count from that.
    private static func place(_ given: String) throws -> String {
        guard !Scaffold.isURL(given) else { return given }
        let path = AbsolutePath.of(given)
        guard isCheckout(path) else { throw UsageError("--weir: \(path) is no checkout of Weir") }
        return path
    }

    private static func isCheckout(_ folder: String) -> Bool {
        (try? String(contentsOfFile: "\(folder)/Package.swift", encoding: .utf8))?.contains("name: \"weir\",\n") ?? false
    }
}
