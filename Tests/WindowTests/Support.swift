import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting

/// A record that can be told from all others.
struct Event: Sendable, Equatable, StateCodable {
    static var stateSchema: String { "test-event" }
    var key: Int64
    var id: Int64

    init(_ key: Int64, id: Int64) {
        self.key = key
        self.id = id
    }
    func encode(into writer: inout ByteWriter) {
        writer.integer(key)
        writer.integer(id)
    }
    init(from reader: inout ByteReader) throws {
        key = try reader.integer()
        id = try reader.integer()
    }
}

/// SplitMix64: a seed replays a run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

enum BackendCase: String, CaseIterable, Sendable {
    case heap, rocksdb

    func make() -> any StateBackend {
        switch self {
        case .heap: HeapBackend()
        case .rocksdb: RocksDBBackend(memoryBytes: 1 << 20)
        }
    }
}

/// One result, for comparison: the records in it by their ids, in no order.
func row(_ key: Int64, _ window: TimeWindow, _ pane: Pane, _ ids: [Int64]) -> String {
    "\(key) [\(window.start), \(window.end)) \(pane.timing) #\(pane.index)\(pane.isLast ? " last" : "") \(ids.sorted())"
}

typealias Events = Stream<HarnessInput<Event>>
typealias IDs = AggregateOver<Elements<Int64>, Event>

/// The ids of a window's records.
func ids() -> IDs { Elements<Int64>().over { $0.id } }
