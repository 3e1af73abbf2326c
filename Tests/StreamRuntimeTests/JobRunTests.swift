import Foundation
import StreamRuntime
import Testing

/// A folder that is gone when the test ends.
final class TemporaryFolder: Sendable {
    let path = NSTemporaryDirectory() + "weir-test-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

func testOptions(_ folder: TemporaryFolder, parallelism: Int = 2, intervalMillis: Int = 20) -> JobOptions {
    var options = JobOptions()
    options.parallelism = parallelism
    options.checkpointRoot = folder.path + "/checkpoints"
    options.workRoot = folder.path + "/work"
    options.checkpointIntervalMillis = intervalMillis
    return options
}

struct WordCount: StreamJob {
    static let name = "word-count"
    let sink: CollectSink<String>

    func build(_ flow: Flow) {
        flow.source(CollectionSource(["a b a", "c", "b a"]))
            .flatMap { $0.split(separator: " ").map(String.init) }
            .keyed(by: { $0 })
            .fold(0) { count, _ in count += 1 }
            .map { "\($0.key)=\($0.value)" }
            .sink(sink)
    }
}

struct Numbers: StreamJob {
    static let name = "numbers"
    let sink: CollectSink<Int64>
    let count: Int64

    func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: count, splits: 3) { $0 })
            .parallelism(3)
            .filter { $0 % 2 == 0 }
            .keyed(by: { $0 % 1000 })
            .fold(Int64(0)) { sum, value in sum += value }
            .map { $0.value }
            .sink(sink)
    }
}

@Suite struct JobRunTests {
    @Test func wordCountEmitsEveryUpdateOnce() async throws {
        let folder = try TemporaryFolder()
        let sink = CollectSink<String>()
        try await JobRunner(WordCount(sink: sink), options: testOptions(folder), environment: JobEnvironment()).run()
        #expect(sink.elements.sorted() == ["a=1", "a=2", "a=3", "b=1", "b=2", "c=1"])
    }

    @Test(arguments: [1, 2, 5]) func everyRecordIsCountedAtAnyParallelism(_ parallelism: Int) async throws {
        let folder = try TemporaryFolder()
        let sink = CollectSink<Int64>()
        try await JobRunner(
            Numbers(sink: sink, count: 200_000), options: testOptions(folder, parallelism: parallelism),
            environment: JobEnvironment()
        ).run()
        #expect(sink.elements.count == 100_000)
    }
}
