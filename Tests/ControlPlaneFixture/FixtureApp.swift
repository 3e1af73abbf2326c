import ArgumentParser
import ControlPlane
import Foundation
import Logging
import StreamRuntime
import WeirKit

/// The executable that the control plane's tests run, as a job author's would be.
@main struct FixtureApp: WeirApplication {
    static let commandName = "control-fixture"
    static let version = "1.2.3"
    static let jobs: [any ConfiguredJob.Type] = [Counting.self, Endless.self, Short.self, Broken.self]
    static let extraCommands: [any ParsableCommand.Type] = ControlCommands.all(for: FixtureApp.self)
}

/// Endless: counts numbers by their last digit and appends every total to a file.
struct Counting: ConfiguredJob {
    static let name = "counting"
    static let output = Setting.string("counting.output", default: "counts.txt", help: "File that gets a line per number.")
    static let rate = Setting.integer("counting.rate", default: 200, in: 1...1_000_000, help: "Numbers per second.")
    static let password = Setting.optionalString("counting.password", help: "Not used.", isSecret: true)
    static let configurationKeys = [output.key, rate.key, password.key]

    private let path: String
    private let rate: Int

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) {
        path = configuration[Self.output]
        rate = configuration[Self.rate]
        environment.log(.info, "counting begins")
    }

    func build(_ flow: Flow) {
        let path = path
        let chatter = Logger(label: "chatter.sink")
        flow.source(GeneratorSource(ratePerSecond: Double(rate)) { $0 }, id: "numbers")
            .keyed(by: { $0 % 10 })
            .fold(0) { count, _ in count += 1 }.id("counts")
            .sink(
                ForEachSink { total in
                    if total.value % 100 == 0 { chatter.debug("a line nobody needs") }
                    let line = Data("\(total.key) \(total.value)\n".utf8)
                    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
                    defer { close(descriptor) }
                    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                })
    }
}

/// Does next to nothing until it is ended.
struct Endless: PlainJob {
    static let name = "endless"
    func build(_ flow: Flow) {
        flow.source(GeneratorSource(ratePerSecond: 10) { $0 }, id: "ticks").sink(ForEachSink { (_: Int64) in })
    }
}

/// Ends by itself.
struct Short: PlainJob {
    static let name = "short"
    func build(_ flow: Flow) { flow.source(CollectionSource([1, 2, 3])).sink(ForEachSink { (_: Int) in }) }
}

/// Fails for good.
struct Broken: PlainJob {
    static let name = "broken"
    struct Bad: Error, CustomStringConvertible { var description: String { "the record is bad" } }
    func build(_ flow: Flow) {
        flow.source(CollectionSource([1]), id: "one").sink(ForEachSink { (_: Int) in throw Bad() })
    }
}
