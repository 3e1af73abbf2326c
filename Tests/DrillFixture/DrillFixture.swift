import Drills
import Foundation
import StreamRuntime
import WeirKit

/// An executable of somebody else's with a drill of its own. Its job is *not* exactly once: it appends numbers to a file as they
/// come, and again after a restart. A drill that does not notice is worth nothing.
@main struct DrillFixture: DrillingApplication {
    static let commandName = "drill-fixture"
    static let jobs: [any ConfiguredJob.Type] = [AppendNumbers.self]
    static let drills: [any JobDrill.Type] = [AppendDrill.self]
    static let extraCommands = DrillCommands.all(for: DrillFixture.self)
}

/// Numbers at a steady rate into a file.
struct AppendNumbers: ConfiguredJob {
    static let name = "append"
    private let path: String

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let folder = configuration[StandardSettings.dataFolder]
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        path = folder + "/numbers.txt"
    }

    func build(_ flow: Flow) {
        let path = path
        flow.source(GeneratorSource(ratePerSecond: 1_000) { $0 }, id: "numbers").parallelism(1)
            .sink(
                ForEachSink { (number: Int64) in
                    let line = Data("\(number)\n".utf8)
                    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
                    defer { close(descriptor) }
                    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                })
    }
}

final class AppendDrill: JobDrill {
    static let name = AppendNumbers.name
    static let summary = "Numbers into a file, at least once."
    static let members = [DrillMember(AppendNumbers.self, stage: 0)]

    private let path: String
    private var offset: UInt64 = 0
    private var check = SequenceCheck<String>()
    private var count: Int64 = 0

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) {
        path = configuration[StandardSettings.dataFolder] + "/numbers.txt"
    }

    var setup: [String] { ["1000 numbers/s"] }
    var warmUpOutputs: Int { 100 }
    func prepare() {}

    func observe() throws -> Int {
        guard let file = FileHandle(forReadingAtPath: path) else { return 0 }
        defer { try? file.close() }
        try file.seek(toOffset: offset)
        let bytes = try file.readToEnd() ?? Data()
        guard let end = bytes.lastIndex(of: 10) else { return check.findings.outputs }
        for line in bytes[...end].split(separator: 10) {
            guard let number = Int64(String(decoding: line, as: UTF8.self)) else { continue }
            check.add("number", number)
            count = max(count, number + 1)
        }
        offset += UInt64(end - bytes.startIndex + 1)
        return check.findings.outputs
    }

    func judge() throws -> DrillFindings {
        _ = try observe()
        return check.findings(of: ["number": count])
    }
}
