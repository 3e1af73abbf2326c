import Foundation
import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Changes the state of every other key, too.
private struct ChangesOthers: KeyedProcessFunction {
    typealias Output = Int64
    let counts: DefaultedState<Int64, Int>

    init(_ state: KeyedStateContext<Int64>) throws { counts = try state.value("count", default: 0) }

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Int64 {
        for other in Int64(0)..<64 { counts[other] += 1 }
        try out.collect(input)
    }
}

/// Registers timers of every other key, and deletes some.
private struct WakesOthers: KeyedProcessFunction {
    typealias Output = Int64

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Int64 {
        for other in Int64(0)..<64 { context.timers.registerEventTime(at: 1000 + other, for: other) }
        for other in Int64(0)..<64 { context.timers.delete(at: 1000, for: other) }
        try out.collect(input)
    }
}

/// What must not be restored is refused, in words that name the thing.
@Suite struct RefusalTests {
    private func stored(_ world: StateWorld, _ backend: BackendCase) throws -> StatePart {
        let numbers = try NumberState(world.context(), backend.make())
        defer { numbers.state.close() }
        for key in 0..<Int64(5000) { numbers.values[key] = key }
        _ = try numbers.checkpoint(world)
        for key in 0..<Int64(500) { numbers.values[key] = -key }
        return try numbers.checkpoint(world)
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "(nothing was refused)"
        } catch { return "\(error)" }
    }

    /// It was written past the end of the subtask's share.
    @Test(arguments: BackendCase.allCases)
    func aFunctionThatChangesTheStateOfOtherKeysFailsTheCheckpoint(_ backend: BackendCase) throws {
        let harness = try OperatorHarness(parallelism: 2, backend: backend.make()) { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 }).process { try ChangesOthers($0) }
        }
        try harness.push(1)
        let error = #expect(throws: ForeignKeyError.self) { _ = try harness.snapshot() }
        #expect(error?.description.contains("only with the key that the function was called with") == true)
    }

    /// A store that can evict keeps the owned key groups' timers one beside the other, and had no place for the others'.
    @Test(arguments: BackendCase.allCases)
    func aFunctionThatRegistersTimersOfOtherKeysFailsTheJob(_ backend: BackendCase) throws {
        let harness = try OperatorHarness(parallelism: 2, backend: backend.make()) { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 }).process { _ in WakesOthers() }
        }
        let error = #expect(throws: ForeignKeyError.self) {
            try harness.push(1)
            _ = try harness.snapshot()
        }
        #expect(error?.description.contains("only with the key that the function was called with") == true)
    }

    @Test(arguments: BackendCase.allCases)
    func anotherSchemaIsRefusedNamingTheState(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let part = try stored(world, backend)
        let message = refusal {
            let state = try OperatorState(world.context(restore: [part]), backend: backend.make(), fault: StateFault())
            defer { state.close() }
            _ = try state.keyed(by: Int64.self).value("number", String.self)
            try state.seal()
        }
        #expect(message.contains("'number'") && message.contains("i64") && message.contains("utf8"), "\(message)")
    }

    @Test(arguments: BackendCase.allCases)
    func anUndeclaredStateIsRefusedNamingIt(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let part = try stored(world, backend)
        let message = refusal { try NumberState(world.context(restore: [part]), backend.make(), name: "other").state.close() }
        #expect(message.contains("'number'") && message.contains("no longer declares"), "\(message)")
    }

    /// Read by the backend that wrote it and, at another parallelism, by the other one.
    @Test(arguments: BackendCase.allCases, [1, 2])
    func aFlippedByteInAnyFileIsRefused(_ backend: BackendCase, _ parallelism: Int) throws {
        let world = try StateWorld()
        let part = try stored(world, backend)
        for file in part.files {
            let path = world.path(file)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            var damaged = whole
            damaged[damaged.count / 2] ^= 0x40
            try damaged.write(to: URL(fileURLWithPath: path))
            let message = refusal {
                try NumberState(world.context(parallelism: parallelism, restore: [part]), backend.make()).state.close()
            }
            #expect(message.contains(file.path) && message.contains("checksum"), "\(message)")
            try whole.write(to: URL(fileURLWithPath: path))
        }
        try NumberState(world.context(parallelism: parallelism, restore: [part]), backend.make()).state.close()
    }

    @Test(arguments: BackendCase.allCases)
    func aMissingOrShortenedFileIsRefused(_ backend: BackendCase) throws {
        let world = try StateWorld()
        let part = try stored(world, backend)
        for file in part.files {
            let path = world.path(file)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            try whole.dropLast().write(to: URL(fileURLWithPath: path))
            let short = refusal { try NumberState(world.context(restore: [part]), backend.make()).state.close() }
            #expect(short.contains(file.path) && short.contains("bytes"), "\(short)")
            try FileManager.default.removeItem(atPath: path)
            let missing = refusal { try NumberState(world.context(restore: [part]), backend.make()).state.close() }
            #expect(missing.contains(file.path) && missing.contains("missing"), "\(missing)")
            try whole.write(to: URL(fileURLWithPath: path))
        }
    }

    @Test(arguments: [BackendCase.rocksdb])
    func aPartWithoutItsManifestIsRefused(_ backend: BackendCase) throws {
        let world = try StateWorld()
        var part = try stored(world, backend)
        part.files.removeAll { $0.path.contains("MANIFEST") }
        let message = refusal { try NumberState(world.context(restore: [part]), backend.make()).state.close() }
        #expect(message.contains("no manifest"), "\(message)")
    }

    @Test func aClosedStoreIsAnErrorNotACrash() throws {
        let world = try StateWorld()
        let numbers = try NumberState(world.context(), BackendCase.rocksdb.make())
        numbers.values[1] = 1
        let pending = try numbers.snapshot()
        numbers.state.close()
        let message = refusal { _ = try pending.write(to: world.files) }
        #expect(message.contains("closed"), "\(message)")
    }
}
