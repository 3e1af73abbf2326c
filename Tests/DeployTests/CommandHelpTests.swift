import Foundation
import Testing

/// What every command says of itself, as the executable tells it.
@Suite struct CommandHelpTests {
    private struct Dump: Decodable { let command: Command }
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let kind: String
                let name: String
            }
            let valueName: String?
            let abstract: String?
            let names: [Name]?
        }
        let commandName: String
        let shouldDisplay: Bool
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?

        /// `--config`, `-d`: as they are written.
        var flags: Set<String> {
            Set((arguments ?? []).flatMap { $0.names ?? [] }.map { ($0.kind == "short" ? "-" : "--") + $0.name })
        }
    }

    /// The calls of `weir` in a command's examples, as words: each line's, and each of several joined by `&&` or `|`.
    private static func calls(in discussion: String) -> [[Substring]] {
        guard let examples = discussion.components(separatedBy: "EXAMPLES\n").dropFirst().first else { return [] }
        return examples.split(separator: "\n", omittingEmptySubsequences: false).prefix { $0.hasPrefix("  ") }
            .flatMap { line in line.split(separator: " ").split { ["&&", "|"].contains($0) }.map(Array.init) }
            .compactMap { words in words.firstIndex(of: "weir").map { Array(words[($0 + 1)...]) } }
    }

    @Test func everyFlagOfEveryExampleIsOneOfItsCommand() throws {
        let run = try WeirRun(["--experimental-dump-help"], data: nil)
        let root = try JSONDecoder().decode(Dump.self, from: Data(run.output.utf8)).command
        var count = 0
        func check(_ command: Command) {
            for call in Self.calls(in: command.discussion ?? "") {
                var called = root
                var rest = call[...]
                while let word = rest.first, let next = called.subcommands?.first(where: { $0.commandName == word }) {
                    called = next
                    rest.removeFirst()
                }
                #expect(called.commandName != root.commandName, "no command is called in 'weir \(call.joined(separator: " "))'")
                for word in rest where word.hasPrefix("-") && word != "-" {
                    count += 1
                    let flag = String(word.prefix { $0 != "=" })
                    #expect(
                        called.flags.contains(flag), "'weir \(call.joined(separator: " "))': \(called.commandName) has no \(flag)"
                    )
                }
            }
            for subcommand in command.subcommands ?? [] { check(subcommand) }
        }
        check(root)
        #expect(count > 60)
    }

    @Test func everyCommandHasASentenceExamplesAndAWordOnEachArgument() throws {
        let run = try WeirRun(["--experimental-dump-help"], data: nil)
        let root = try JSONDecoder().decode(Dump.self, from: Data(run.output.utf8)).command
        var count = 0
        func check(_ command: Command, _ path: String) {
            guard command.shouldDisplay else { return }  // not for people
            count += 1
            #expect(command.abstract?.hasSuffix(".") == true, "\(path) has no sentence")
            let discussion = command.discussion ?? ""
            #expect(discussion.contains("EXAMPLES\n"), "\(path) has no examples")
            #expect(
                discussion.contains("  \(path) ") || discussion.contains("  \(path)\n") || discussion.hasSuffix("  \(path)")
                    || discussion.contains(" \(path) "), "no example of \(path) calls it")
            for argument in command.arguments ?? [] where argument.abstract?.isEmpty ?? true {
                Issue.record("\(path): \(argument.valueName ?? "?") is not explained")
            }
            for subcommand in command.subcommands ?? [] { check(subcommand, "\(path) \(subcommand.commandName)") }
        }
        for command in root.subcommands ?? [] where command.commandName != "help" {
            check(command, "weir \(command.commandName)")
        }
        #expect(count > 35)
    }

    @Test func shellsGetTheirCompletions() throws {
        for shell in ["bash", "zsh", "fish"] {
            let run = try WeirRun(["--generate-completion-script", shell], data: nil)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains("checkpoint-interval") && run.output.contains("profile"), "\(shell)")
        }
    }

    @Test func exitCodesAreInOnePlaceAndTheSame() throws {
        let page = try String(contentsOf: repository.appendingPathComponent("docs/cli.md"), encoding: .utf8)
        let help = try WeirRun(["--help"], data: nil).output
        for code in ["0", "1", "2", "3", "4", "5", "6", "7", "130"] {
            #expect(page.contains("| \(code) |"), "docs/cli.md does not explain exit code \(code)")
            #expect(help.contains("\n  \(code) "), "--help does not explain exit code \(code)")
        }
    }
}
