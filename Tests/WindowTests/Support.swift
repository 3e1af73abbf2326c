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
