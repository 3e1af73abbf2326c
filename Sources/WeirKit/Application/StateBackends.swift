import StateRocksDB
import StreamRuntime

/// Makes a state backend from settings; `state.backend` chooses one by name.
public struct StateBackendFactory: Sendable {
    public let name: String
    public let configurationKeys: [ConfigurationKey]
    public let make: @Sendable (Configuration) throws -> any StateBackend

    public init(
        name: String, configurationKeys: [ConfigurationKey] = [],
        make: @escaping @Sendable (Configuration) throws -> any StateBackend
    ) {
        self.name = name
        self.configurationKeys = configurationKeys
        self.make = make
    }
}

/// The backends an application has when it names none. A backend module that WeirKit links adds its factory here.
public enum StandardBackends {
    public static let all: [StateBackendFactory] = [heap, rocksdb]

    public static let heap = StateBackendFactory(name: "heap") { _ in HeapBackend() }

    private static let rocksdbMemory = Setting.bytes(
        "state.rocksdb.memory", default: 256 << 20, in: 16 << 20...1 << 40,
        help: "Memory of all RocksDB state of the process: tables, block cache and buffers together.")
    public static let rocksdb = StateBackendFactory(name: "rocksdb", configurationKeys: [rocksdbMemory.key]) {
        RocksDBBackend(memoryBytes: $0[rocksdbMemory])
    }
}
