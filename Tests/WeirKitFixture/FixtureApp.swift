import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

/// The executable the end-to-end tests start: a job that counts numbers per key and appends every
/// total to a file, as a real program would be written.
@main struct FixtureApp: WeirApplication {
    static let commandName = "fixture"
    static let jobs: [any ConfiguredJob.Type] = [CountNumbers.self, Empty.self, Stuck.self]
    static var extraCommands: [any ParsableCommand.Type] { [Both.self] }
    /// Described as docs/metrics.md says.
    static let metrics: [MetricDescription] = [
        .counter("acme_parcels_total", in: "parcels", by: [.operatorID], "Parcels that were sorted.")
    ]
}

/// Two jobs in one process, the second under a name of its own.
struct Both: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "both", abstract: "Run two jobs at once.")
    @OptionGroup var flags: ConfigurationFlags

    func run() async throws {
        let session = try ApplicationSession(FixtureApp.self, try flags.resolve(for: FixtureApp.self), failurePolicy: .stopAll)
        let outcomes = try await session.run { launcher, host in
            try host.add(try launcher.prepare(CountNumbers.self), stage: 0)
            try host.add(try launcher.prepare(Copy.self), stage: 1)
        }
        if let error = outcomes.compactMap(\.error).first { throw error }
    }
}

/// A second endless job.
struct Copy: PlainJob {
    static let name = "copy"
    func build(_ flow: Flow) throws {
        flow.source(GeneratorSource(ratePerSecond: 100) { $0 }).sink(ForEachSink { (_: Int64) in })
    }
}

/// Numbers at a steady rate, counted by their last digit.
struct CountNumbers: ConfiguredJob {
    static let name = "count-numbers"
    static let summary = "Counts generated numbers by their last digit."

    static let rate = Setting.integer("count-numbers.rate", default: 1000, in: 1...1_000_000, help: "Numbers per second.")
    static let path = Setting.optionalString("count-numbers.output", help: "File that gets a line per number.")
    static let password = Setting.optionalString("count-numbers.password", help: "Not used.", isSecret: true)
    static let configurationKeys = [rate.key, path.key, password.key]

    private let rate: Int
    private let path: String

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        rate = configuration[Self.rate]
        guard let path = configuration[Self.path] else {
            throw ConfigurationRefusal(["job 'count-numbers' needs count-numbers.output, the file to write to"])
        }
        self.path = path
        if let password = configuration[Self.password] {
            environment.log(.info, "using \(password)", ["password": password])
        }
    }

    func build(_ flow: Flow) throws {
        let path = path
        flow.source(GeneratorSource(ratePerSecond: Double(rate)) { $0 })
            .keyed(by: { $0 % 10 })
            .fold(0) { count, _ in count += 1 }
            .sink(
                ForEachSink { total in
                    let line = Data("\(total.key) \(total.value)\n".utf8)
                    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
                    defer { close(descriptor) }
                    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                })
    }
}

/// A job without settings.
struct Empty: PlainJob {
    static let name = "empty"
    static let summary = "Ends at once."
    func build(_ flow: Flow) throws {
        flow.source(CollectionSource([1, 2, 3])).sink(ForEachSink { (_: Int) in })
    }
}

/// A job whose sink never acknowledges, so that no epoch is ever decided.
struct Stuck: PlainJob {
    static let name = "stuck"
    func build(_ flow: Flow) throws {
        flow.source(GeneratorSource(ratePerSecond: 100) { $0 }).sink(DeafSink())
    }
}

struct DeafSink: Sink {
    typealias Element = Int64
    func makeWriter(_ context: SinkWriterContext) -> Writer { Writer() }

    struct Writer: SinkWriter {
        mutating func write(_ element: Int64) {}
        func isAcknowledged(through epoch: Epoch) -> Bool { false }
    }
}
