import StreamRuntime
import StreamRuntimeTesting
import TestKit
import Testing

/// A record for the sinks.
struct Reading: StateCodable, Sendable, Hashable {
    static var stateSchema: String { "reading" }
    var sensor: String
    var number: Int64

    init(_ number: Int64, sensor: String = "s1") {
        self.sensor = sensor
        self.number = number
    }
    func encode(into writer: inout ByteWriter) {
        writer.string(sensor)
        writer.integer(number)
    }
    init(from reader: inout ByteReader) throws {
        sensor = try reader.string()
        number = try reader.integer()
    }

    var json: String {
        let escaped = sensor.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return #"{"sensor":"\#(escaped)","number":\#(number)}"#
    }
}

/// A job from a source that the test feeds, on real threads.
final class SinkBench: Sendable {
    let source = TestSource<Reading>()
    let runner: JobRunner
    private let folder = TemporaryFolder()

    private struct Job: StreamJob {
        static var name: String { "sinks" }
        let source: TestSource<Reading>
        let connect: @Sendable (StreamRuntime.Stream<SourceHead<TestSource<Reading>>>) -> Void
        func build(_ flow: Flow) { connect(flow.source(source, id: "readings")) }
    }

    init(_ connect: @escaping @Sendable (StreamRuntime.Stream<SourceHead<TestSource<Reading>>>) -> Void) throws {
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 20
        options.restart = .none
        runner = try JobRunner(Job(source: source, connect: connect), options: options, environment: JobEnvironment())
    }

    /// Runs over these readings to the end of the job.
    func run(_ readings: [Reading]) async throws {
        source.push(contentsOf: readings)
        source.finish()
        try await runner.run()
    }

    var isPaused: Bool { if case .paused = runner.status { true } else { false } }
}
