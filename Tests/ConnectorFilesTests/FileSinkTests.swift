import ConnectorFiles
import Foundation
import StreamRuntime
import TestKit
import Testing

@Suite struct FileSinkTests {
    /// A writer whose wake-ups can be waited for.
    private struct Harness {
        let woken = DispatchSemaphore(value: 0)
        var writer: FileSinkWriter<String>

        init(_ folder: TemporaryFolder) throws {
            let woken = woken
            writer = try FileSink(lines: folder.path).makeWriter(
                SinkWriterContext(
                    operatorID: "out", job: JobID(namespace: "test", jobName: "files"), subtask: 0, parallelism: 1,
                    log: .silent, wake: { woken.signal() }, metrics: MetricRegistry(), clock: SystemClock()))
        }

        mutating func end(_ epoch: UInt64) throws {
            try writer.endEpoch(Epoch(epoch))
            while !(try writer.isAcknowledged(through: Epoch(epoch))) {
                if woken.wait(timeout: .now() + 10) == .timedOut {
                    Issue.record("epoch \(epoch) was not acknowledged")
                    return
                }
            }
        }
    }

    private func files(_ folder: TemporaryFolder) throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let epoch = name.hasPrefix("part-00000-") ? String(Int(name.dropFirst(11).dropLast(4)) ?? -1) : name
            found[epoch] = try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
        }
        return found
    }

    @Test func epochIsAFileOnceAcknowledged() throws {
        let folder = TemporaryFolder()
        var harness = try Harness(folder)
        try harness.writer.write("a")
        try harness.writer.write("b")
        #expect(try !harness.writer.isAcknowledged(through: Epoch(1)))
        try harness.end(1)
        try harness.end(2)
        try harness.writer.write("c")
        try harness.end(3)
        harness.writer.close()
        #expect(try files(folder) == ["1": "a\nb\n", "3": "c\n"])
    }

    @Test func epochRunAgainReplacesWhatItLeft() throws {
        let folder = TemporaryFolder()
        var first = try Harness(folder)
        for epoch in 1...4 as ClosedRange<UInt64> {
            try first.writer.write("first \(epoch)")
            try first.end(epoch)
        }
        try first.writer.write("cut off")
        try first.writer.flush()
        // It dies here without closing; epoch 2 was the last one decided.
        var second = try Harness(folder)
        try second.end(3)
        #expect(try files(folder).filter { !$0.key.hasPrefix(".") } == ["1": "first 1\n", "2": "first 2\n"])
        try second.writer.write("second 4")
        try second.end(4)
        second.writer.close()
        #expect(try files(folder) == ["1": "first 1\n", "2": "first 2\n", "4": "second 4\n"])
    }

    @Test func failureIsReported() throws {
        let folder = TemporaryFolder()
        var harness = try Harness(folder)
        try FileManager.default.removeItem(atPath: folder.path)
        try harness.writer.write("a")
        #expect(throws: FileError.self) { try harness.end(1) }
    }

    @Test func lineEndInsideATextIsRefused() throws {
        let folder = TemporaryFolder()
        var harness = try Harness(folder)
        #expect(throws: FileSourceError.self) { try harness.writer.write("a\nb") }
    }
}
