import Foundation
import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Keys without number: what a window operator keeps in memory is bounded by its state backend, not by its keys.
@Suite struct MemoryTests {
    /// `make bench ARGS=sessions` does the same with ten million.
    @Test func manySessionKeysTakeTheBackendsMemoryOnly() throws {
        let keys: Int64 = 300_000
        let budget = 8 << 20
        let harness = try OperatorHarness<Event, Int>(backend: RocksDBBackend(memoryBytes: budget)) { (events: Events) in
            events.keyed(by: \.key).window(.session(gap: .hours(1))).aggregate(Count()).map(\.value)
        }
        func push(_ range: Range<Int64>) throws {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: 1000) {
                try harness.push(contentsOf: (start..<min(start + 1000, range.upperBound)).map { Event($0, id: 0) }, at: 0)
            }
        }
        try push(0..<50_000)
        _ = try harness.snapshot()
        let before = try residentBytes()
        try push(50_000..<keys)
        _ = try harness.snapshot()
        let grown = try residentBytes() - before
        print("\(keys) session keys: \(grown >> 20) MiB more than 50 000 take, with \(budget >> 20) MiB of state memory")
        try harness.finish()
        #expect(harness.elements.count == Int(keys) && harness.elements.allSatisfy { $0 == 1 })
        // Decoded, a session and its timer take about 200 bytes: 50 MiB for those that were added.
        #expect(grown < 32 << 20, "\(grown >> 20) MiB")
    }
}

/// Of this process.
func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
    return (Int(pages) ?? 0) * 4096
}
