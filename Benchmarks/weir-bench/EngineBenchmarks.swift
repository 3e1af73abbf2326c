import Foundation
import StreamRuntime
import Synchronization

/// A 40-byte record.
struct Event40 {
    var key: Int64
    var time: Int64
    var a: Int64
    var b: Int64
    var c: Int64
}

/// SplitMix64 of the record's number: keys without order, the same in every run.
@inline(__always)
func scatter(_ number: Int64) -> UInt64 {
    var z = UInt64(bitPattern: number) &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}

/// Adds up what arrives, so that nothing can be optimised away and the sum can be checked.
struct ChecksumSink: Sink {
    typealias Element = Int64
    let total: Total

    final class Total: Sendable {
        let sum = Atomic<Int64>(0)
        let count = Atomic<Int64>(0)
    }

    func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(total: total) }

    struct Writer: SinkWriter {
        let total: Total
        var sum: Int64 = 0
        var count: Int64 = 0

        mutating func write(_ element: Int64) {
            sum &+= element
            count &+= 1
        }

        mutating func endEpoch(_ epoch: Epoch) {
            total.sum.wrappingAdd(sum, ordering: .relaxed)
            total.count.wrappingAdd(count, ordering: .relaxed)
            sum = 0
            count = 0
        }
    }
}

/// source → exchange → one operator, chosen at run time → checksum.
struct PassThrough: StreamJob {
    static let name = "bench-pass-through"
    let count: Int64
    let parallelism: Int
    let operation: String
    let total: ChecksumSink.Total

    func build(_ flow: Flow) throws {
        let records = flow.source(
            GeneratorSource(count: count, splits: parallelism) { number in
                Event40(key: number, time: number &* 3, a: number &+ 1, b: number ^ 5, c: 7)
            }
        ).rebalanced()
        switch operation {
        case "sum": records.map { $0.key &+ $0.a &+ $0.c }.sink(ChecksumSink(total: total))
        case "xor": records.map { $0.key ^ $0.b }.sink(ChecksumSink(total: total))
        default: throw GraphError("unknown operation '\(operation)': sum or xor")
        }
    }

    static func expected(_ operation: String, _ count: Int64) -> Int64 {
        var sum: Int64 = 0
        for number in 0..<count { sum &+= operation == "sum" ? number &+ number &+ 1 &+ 7 : number ^ (number ^ 5) }
        return sum
    }
}

/// source → shuffle by key → count per key → checksum of the counts.
struct KeyedCount: StreamJob {
    static let name = "bench-keyed-count"
    static let keys: UInt64 = 1_000_000
    let count: Int64
    let parallelism: Int
    let total: ChecksumSink.Total

    func build(_ flow: Flow) {
        flow.source(
            GeneratorSource(count: count, splits: parallelism) { number in
                Int64(scatter(number).multipliedFullWidth(by: Self.keys).high)
            }
        )
        .keyed(by: { $0 })
        .fold(Int64(0)) { count, _ in count += 1 }
        .map { $0.value }
        .sink(ChecksumSink(total: total))
    }

    /// The sum over all updates: a key seen n times contributes 1 + 2 + … + n.
    static func expected(_ count: Int64, keys: UInt64) -> Int64 {
        var seen = [Int64](repeating: 0, count: Int(keys))
        var sum: Int64 = 0
        for number in 0..<count {
            let key = Int(scatter(number).multipliedFullWidth(by: keys).high)
            seen[key] += 1
            sum &+= seen[key]
        }
        return sum
    }
}

/// Every key twice, half the stream apart; sessions that end with the stream alone. → checksum of their counts.
struct Sessions: StreamJob {
    static let name = "bench-sessions"
    let keys: Int64
    let parallelism: Int
    let total: ChecksumSink.Total

    func build(_ flow: Flow) {
        let keys = keys
        flow.source(GeneratorSource(count: 2 * keys, splits: parallelism) { $0 })
            .watermarks(.monotonic(), at: { $0 })
            .keyed(by: { $0 % keys })
            .window(.session(gap: .milliseconds(4 * keys)))
            .aggregate(Count())
            .map { Int64($0.value) }
            .sink(ChecksumSink(total: total))
    }
}
