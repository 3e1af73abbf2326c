import Foundation
import Synchronization

/// Tries each target in processes of its own: one that ends by an input is replaced, and the input kept.
struct FuzzCampaign: Sendable {
    let targets: [String]
    let seed: UInt64
    /// Inputs of each target, and seconds for each.
    let inputs: Int
    let seconds: Double
    let corpus: String
    /// An input that takes longer hangs.
    let secondsPerInput: UInt32
    /// Where inputs are kept that end a process.
    let findings: String
    let scratch: String

    struct Outcome: Sendable {
        var target: String
        var inputs = 0
        var refused = 0
        /// What happened, and the file with the input.
        var failures: [String] = []
    }

    /// After so many failures a target is left alone.
    private static let failuresMax = 3

    func run(_ each: @escaping @Sendable (Outcome) -> Void) -> [Outcome] {
        let outcomes = Mutex<[Outcome]>([])
        let next = Mutex(targets.makeIterator())
        // One target a core at a time.
        DispatchQueue.concurrentPerform(iterations: max(1, ProcessInfo.processInfo.activeProcessorCount)) { _ in
            while let target = next.withLock({ $0.next() }) {
                let outcome = run(target)
                each(outcome)
                outcomes.withLock { $0.append(outcome) }
            }
        }
        return outcomes.withLock { $0.sorted { $0.target < $1.target } }
    }

    private func run(_ target: String) -> Outcome {
        var outcome = Outcome(target: target)
        let deadline = Date(timeIntervalSinceNow: seconds)
        var first = 0
        while outcome.failures.count < Self.failuresMax, first < inputs {
            do {
                let record = try InputRecord("\(scratch)/\(target).input")
                record.set([], number: first)
                let end = try worker(target, first: first, count: inputs - first, seconds: deadline.timeIntervalSinceNow)
                if let (tried, refused) = end.counts {
                    outcome.inputs += tried
                    outcome.refused += refused
                    return outcome
                }
                let input = record.input
                outcome.inputs += input.number + 1 - first
                outcome.failures.append("\(end.description), by \(try keep(input.bytes, of: target))")
                first = input.number + 1
            } catch {
                outcome.failures.append("\(error)")
                return outcome
            }
        }
        return outcome
    }

    private struct WorkerEnd {
        var counts: (tried: Int, refused: Int)?
        var description = ""
    }

    private func worker(_ target: String, first: Int, count: Int, seconds: Double) throws -> WorkerEnd {
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = [
            "work", "--target", target, "--seed", "\(seed)", "--first", "\(first)", "--count", "\(count)",
            "--seconds", "\(max(1, seconds))", "--corpus", corpus, "--scratch", scratch,
            "--input-seconds", "\(secondsPerInput)",
        ]
        // The backtrace of a trap would take longer than everything else.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let (output, errors) = ("\(scratch)/\(target).out", "\(scratch)/\(target).err")
        for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        process.waitUntilExit()
        let words = Self.lastLine(output)
        if process.terminationReason == .exit, process.terminationStatus == 0 {
            let numbers = words.split(separator: " ").compactMap { Int($0) }
            if numbers.count == 2 { return WorkerEnd(counts: (numbers[0], numbers[1])) }
        }
        return WorkerEnd(description: describe(process, words, Self.lastLine(errors)))
    }

    private func describe(_ process: Process, _ words: String, _ errors: String) -> String {
        guard process.terminationReason == .uncaughtSignal else { return words.isEmpty ? errors : words }
        return switch process.terminationStatus {
        case SIGALRM: "hung for \(secondsPerInput) s"
        case SIGSEGV: "out of stack or bounds (SIGSEGV)"
        case let signal: "trapped (signal \(signal)) \(errors)"
        }
    }

    private static func lastLine(_ path: String) -> String {
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0.suffix(2000), as: UTF8.self) } ?? ""
        return text.split(separator: "\n").last.map { String($0.prefix(300)) } ?? ""
    }

    private func keep(_ bytes: [UInt8], of target: String) throws -> String {
        let folder = "\(findings)/\(target)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = "\(folder)/\(FuzzCorpus.name(of: bytes))"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }
}
