import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting
import Testing

/// A record; ids tell records apart that are otherwise equal.
struct Event: Sendable, Hashable, StateCodable {
    static var stateSchema: String { "test-event" }
    var key: Int64
    var id: Int64
    var millis: Int64
    var isRemoval = false

    init(key: Int64, id: Int64, millis: Int64, isRemoval: Bool = false) {
        self.key = key
        self.id = id
        self.millis = millis
        self.isRemoval = isRemoval
    }
    func encode(into writer: inout ByteWriter) {
        writer.integer(key)
        writer.integer(id)
        writer.integer(millis)
        isRemoval.encode(into: &writer)
    }
    init(from reader: inout ByteReader) throws {
        key = try reader.integer()
        id = try reader.integer()
        millis = try reader.integer()
        isRemoval = try Bool(from: &reader)
    }
}

/// Where state is kept.
enum BackendCase: String, Sendable {
    case heap, rocksdb
    /// Each restore may be into the other one.
    case changing

    /// For a life that begins or is restored.
    func make(_ random: inout SeededGenerator) -> any StateBackend {
        switch self {
        case .heap: HeapBackend()
        case .rocksdb: RocksDBBackend(memoryBytes: 1 << 20)
        case .changing: Bool.random(using: &random) ? HeapBackend() : RocksDBBackend(memoryBytes: 1 << 20)
        }
    }
}

/// A random life: what a seed gives on a backend. To see one again, name its seed among those of a test.
struct TrialCase: Sendable, CustomStringConvertible, CustomTestStringConvertible {
    let seed: UInt64
    let backend: BackendCase

    var description: String { "seed \(seed) on \(backend.rawValue)" }
    var testDescription: String { description }

    /// The same seeds every run, and some that are new.
    static func some(heap: Int, rocksdb: Int = 2) -> [TrialCase] {
        seeds(heap, fresh: 4).map { TrialCase(seed: $0, backend: .heap) }
            + seeds(rocksdb, fresh: 1).map { TrialCase(seed: $0, backend: .rocksdb) }
            + seeds(rocksdb, fresh: 1).map { TrialCase(seed: $0, backend: .changing) }
    }

    private static func seeds(_ count: Int, fresh: Int) -> [UInt64] {
        (0..<count).map { UInt64($0 + 1) } + (0..<fresh).map { _ in UInt64.random(in: 1_000..<1_000_000) }
    }

    /// One of them for each seed in turn.
    func pick<Item>(_ items: [Item]) -> Item { items[Int(seed % UInt64(items.count))] }
}

extension SeededGenerator {
    mutating func nextParallelism() -> Int { Int.random(in: 1...3, using: &self) }
}
