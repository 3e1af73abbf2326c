import ConnectorLog
import Foundation
import TestKit
import Testing

/// A byte of the embedded log that is not what was written: no restart helps, and whoever restarts is told so.
@Suite struct DamagedLogTests {
    /// A log of three commits in `data`, damaged. Says which file.
    private func makeLog(in data: String, topic: String, flip place: (_ size: Int) -> Int) throws -> String {
        let log = try LogStore(path: "\(data)/log")
        _ = try log.createTopic(topic, partitions: 1)
        for number in 0..<3 { _ = try log.append([LogRecord(topic: topic, text: "\(number)")]) }
        log.close()
        let names = FileManager.default.enumerator(atPath: data)?.compactMap { $0 as? String } ?? []
        let segment = URL(fileURLWithPath: data + "/" + (try #require(names.first { $0.hasSuffix(".seg") })))
        var bytes = try Data(contentsOf: segment)
        bytes[place(bytes.count)] ^= 0x10
        try bytes.write(to: segment)
        return segment.lastPathComponent
    }

    /// Found by whoever reads the first records, and by whoever opens the log.
    @Test(arguments: [true, false]) func noJobGoesOnFromADamagedLog(_ isInTheFirstRecord: Bool) throws {
        let folder = TemporaryFolder()
        let data = folder.path + "/data"
        let segment = try makeLog(in: data, topic: "numbers") { isInTheFirstRecord ? 10 : $0 - 1 }
        let copy = try WeirRun(
            [
                "run", "copy", "--metrics-port", "0", "--for", "60s", "--checkpoint-dir", folder.path + "/checkpoints", "--set",
                "copy.from=numbers", "--set", "copy.to=copied",
            ], data: data)
        #expect(copy.status == 3, "\(copy.errors)")
        #expect(copy.errors.contains("the log is damaged") && copy.errors.contains(segment), "\(copy.errors)")
    }

    /// What `verify` finds is not as it should be.
    @Test func verifySaysThatTheLogIsDamaged() throws {
        let folder = TemporaryFolder()
        let segment = try makeLog(in: folder.path, topic: "trade_orders") { $0 - 1 }
        let verified = try WeirRun(["verify"], data: folder.path)
        #expect(verified.status == 1, "\(verified.errors)")
        #expect(verified.errors.contains("the log is damaged") && verified.errors.contains(segment), "\(verified.errors)")
    }
}
