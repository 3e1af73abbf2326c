import ArgumentParser
import Foundation

/// Feeds broken input to everything that reads bytes from outside.
@main
struct Fuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir-fuzz", abstract: "Feeds broken input to everything that reads bytes from outside.",
        subcommands: [Run.self, Replay.self, Work.self, List.self], defaultSubcommand: Run.self)

    static let corpus = "Tests/FuzzTests/Corpus"

    /// For files of one process; the caller removes it.
    static func scratchFolder() throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/weir-fuzz-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func target(_ name: String, _ folder: String) throws -> FuzzTarget {
        let all = try FuzzTarget.all(folder)
        guard let found = all.first(where: { $0.name == name }) else {
            throw ValidationError("there is no target '\(name)'; there are \(all.map(\.name).joined(separator: ", "))")
        }
        return found
    }
}

extension Fuzz {
    /// The default.
    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try all targets, or some.",
            discussion: """
                Each input is tried in a process of its target. One that traps, hangs, needs too much memory or stack, or \
                does not survive being written and read is kept in a file, and the exit code is 1.
                """)

        @Option(help: "Seconds in all, shared out among the targets.")
        var seconds: Double = 60
        @Option(help: "Inputs of each target at most.")
        var inputs = Int.max
        @Option(help: "Seconds after which an input hangs.")
        var inputSeconds: UInt32 = 20
        @Option(help: "The same seed makes the same inputs.")
        var seed: UInt64 = 1
        @Option(help: "Only this target; may be repeated.")
        var target: [String] = []
        @Option(help: "A folder for each target, with inputs to begin with.")
        var corpus = Fuzz.corpus
        @Option(help: "Where inputs are put that break something.")
        var findings = "fuzz-findings"

        func validate() throws {
            guard seconds > 0, inputs > 0 else { throw ValidationError("--seconds and --inputs must be above 0") }
        }

        func run() throws {
            let scratch = try Fuzz.scratchFolder()
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let names =
                try target.isEmpty
                ? FuzzTarget.all(scratch).map(\.name).filter { $0 != FuzzTarget.selfTestName }
                : target.map { try Fuzz.target($0, scratch).name }
            let cores = Double(min(names.count, ProcessInfo.processInfo.activeProcessorCount))
            let campaign = FuzzCampaign(
                targets: names, seed: seed, inputs: inputs, seconds: seconds * cores / Double(names.count), corpus: corpus,
                secondsPerInput: inputSeconds, findings: findings, scratch: scratch)
            let outcomes = campaign.run { outcome in
                print("\(outcome.target): \(outcome.inputs) inputs, \(outcome.refused) refused")
                for failure in outcome.failures { print("    \(failure)") }
            }
            let failures = outcomes.reduce(0) { $0 + $1.failures.count }
            print(
                "\(outcomes.reduce(0) { $0 + $1.inputs }) inputs of \(outcomes.count) targets, seed \(seed): \(failures) findings"
            )
            if failures > 0 { throw ExitCode(1) }
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try the inputs in files, in this process.")
        @Option(help: "Their target.")
        var target: String
        @Argument(help: "The files.")
        var files: [String]

        func run() throws {
            let scratch = try Fuzz.scratchFolder()
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let target = try Fuzz.target(self.target, scratch)
            for path in files {
                guard let data = FileManager.default.contents(atPath: path) else { throw FuzzFailure("cannot read \(path)") }
                do {
                    try target.read(Array(data))
                    print("\(path): read")
                } catch { print("\(path): \(error)") }
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Name the targets.")
        func run() throws {
            let scratch = try Fuzz.scratchFolder()
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            for target in try FuzzTarget.all(scratch) where target.name != FuzzTarget.selfTestName {
                print("\(target.name): \(target.examples.count) examples")
            }
        }
    }

    /// What `Run` starts.
    struct Work: ParsableCommand {
        static let configuration = CommandConfiguration(shouldDisplay: false)
        @Option var target: String
        @Option var seed: UInt64
        @Option var first: Int
        @Option var count: Int
        @Option var seconds: Double
        @Option var corpus: String
        @Option var scratch: String
        @Option var inputSeconds: UInt32

        func run() throws {
            let folder = "\(scratch)/\(target)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let worker = FuzzWorker(
                target: try Fuzz.target(target, folder), corpus: FuzzCorpus.inputs(of: target, in: corpus), seed: seed,
                first: first, count: count, seconds: seconds, secondsPerInput: inputSeconds,
                record: try InputRecord("\(scratch)/\(target).input"))
            worker.run()
        }
    }
}
