import Foundation
import StateRocksDB
import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import TestKit
import Testing

/// Savepoints: of whole jobs, moved between backends, parallelisms and jobs; damaged, in the way, given up.
@Suite struct SavepointTests {
    /// A total and a timer per key, and an operator list: every kind of thing that a savepoint holds.
    struct Totals: KeyedProcessFunction {
        typealias Output = String
        let totals: ValueState<Int64, Int64>
        let recent: ListState<Int64, Int64>
        let seen: OperatorListState<Int64>

        init(_ state: KeyedStateContext<Int64>) throws {
            totals = try state.value("total", Int64.self)
            recent = try state.list("recent", Int64.self)
            seen = try state.operatorContext.listState("seen", Int64.self, redistribution: .union)
        }

        mutating func process<Out: Collector>(
            _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            totals[key, default: 0] += input
            recent[key] = Array((recent[key] + [input]).suffix(2))
            if !seen.elements.contains(key) { seen.append(key) }
            context.timers.register(at: 1_000_000, for: key)
            try out.collect("\(key) \(totals[key] ?? 0) \(recent[key])")
        }

        mutating func timer<Out: Collector>(
            at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            try out.collect("timer \(key) of \(Set(seen.elements).count)")
        }
    }

    /// The same states in another order, with one more and one less.
    struct Rearranged: KeyedProcessFunction {
        typealias Output = String
        let added: ValueState<Int64, String>
        let recent: ListState<Int64, Int64>
        init(_ state: KeyedStateContext<Int64>) throws {
            added = try state.value("added", String.self)
            recent = try state.list("recent", Int64.self)
        }
        mutating func process<Out: Collector>(
            _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            try out.collect("\(key) \(recent[key]) \(added[key] ?? "nothing")")
        }
    }

    static let keys: Int64 = 300

    private func job(
        _ setup: TestSetup, _ source: TestSource<Int64>, _ sink: CollectSink<String>
    ) throws -> JobTest {
        try JobTest(setup) { flow in
            flow.source(source, id: "numbers").keyed(by: { $0 % Self.keys }).process { try Totals($0) }.id("totals").sink(sink)
        }
    }

    private func rearranged(_ setup: TestSetup, _ source: TestSource<Int64>, _ sink: CollectSink<String>) throws -> JobTest {
        try JobTest(setup) { flow in
            flow.source(source, id: "numbers").keyed(by: { $0 % Self.keys }).process { try Rearranged($0) }.id("totals").sink(
                sink)
        }
    }

    /// A savepoint of a job that has read the numbers 0..<900, and a source that has 900..<1200 besides.
    private func savepoint(
        _ folder: TemporaryFolder, parallelism: Int = 2, backend: BackendCase = .heap
    ) throws -> (Savepoint, TestSource<Int64>) {
        let source = TestSource<Int64>(Array(0..<900))
        let test = try job(TestSetup(parallelism: parallelism, backend: backend.make()), source, CollectSink<String>())
        let savepoint = try test.savepoint(to: folder.path + "/savepoints")
        for number in Int64(900)..<1200 { source.push(number) }
        return (savepoint, source)
    }

    private func setup(_ savepoint: Savepoint, parallelism: Int = 1, backend: BackendCase = .heap) -> TestSetup {
        var made = TestSetup(parallelism: parallelism, backend: backend.make())
        made.savepoint = savepoint.path
        return made
    }

    struct Move: Sendable {
        let from: (backend: BackendCase, parallelism: Int)
        let to: (backend: BackendCase, parallelism: Int)
    }

    static let moves = [
        Move(from: (.heap, 2), to: (.heap, 2)), Move(from: (.heap, 1), to: (.rocksdb, 3)),
        Move(from: (.rocksdb, 3), to: (.heap, 1)), Move(from: (.rocksdb, 1), to: (.rocksdb, 1)),
        Move(from: (.rocksdbEvicting, 2), to: (.heap, 5)),
    ]

    @Test(arguments: moves) func aJobGoesOnFromASavepointOnAnyBackendAtAnyParallelism(_ move: Move) throws {
        let folder = TemporaryFolder(inMemory: true)
        let (savepoint, source) = try savepoint(folder, parallelism: move.from.parallelism, backend: move.from.backend)
        try savepoint.verify()
        let sink = CollectSink<String>()
        let test = try job(setup(savepoint, parallelism: move.to.parallelism, backend: move.to.backend), source, sink)
        try test.checkpoint()
        let expected = (Int64(0)..<Self.keys).map { key in
            "\(key) \(4 * key + 6 * Self.keys) [\(key + 600), \(key + 900)]"
        }
        #expect(sink.elements.sorted() == expected.sorted())
        try test.advance(by: .seconds(1000))
        try test.checkpoint()
        let timers = sink.elements.filter { $0.hasPrefix("timer") }
        #expect(timers.sorted() == (Int64(0)..<Self.keys).map { "timer \($0) of \(Self.keys)" }.sorted())
    }

    @Test func savepointsOfTheSameStateAreTheSameBytesWhateverKeptIt() throws {
        func contents(_ savepoint: Savepoint) throws -> [String: String] {
            var runs: [String: String] = [:]
            for entry in savepoint.manifest.operators {
                for part in entry.state { for file in part.files { runs[file.path] = file.hash } }
            }
            return runs
        }
        let folder = TemporaryFolder(inMemory: true)
        var found: [[String: String]] = []
        for (backend, parallelism) in [(BackendCase.heap, 1), (.rocksdb, 1), (.rocksdbEvicting, 1)] {
            found.append(try contents(savepoint(folder, parallelism: parallelism, backend: backend).0))
        }
        #expect(!found[0].isEmpty && found.allSatisfy { $0 == found[0] })
    }

    @Test func aSavepointOutlivesTheCheckpointsAndJobsItCameFrom() throws {
        let folder = TemporaryFolder(inMemory: true)
        let source = TestSource<Int64>(Array(0..<900))
        let test = try job(TestSetup(), source, CollectSink<String>())
        let savepoint = try test.savepoint(to: folder.path)
        for number in Int64(900)..<1200 {
            source.push(number)
            if number % 50 == 0 { try test.checkpoint() }
        }
        try savepoint.verify()
        // Moved to another place it is the same savepoint.
        let moved = folder.path + "/moved"
        try FileManager.default.moveItem(atPath: savepoint.path, toPath: moved)
        let again = try Savepoint(at: moved)
        #expect(again.hash == savepoint.hash && again.manifest == savepoint.manifest)
        try again.verify()
    }

    @Test(arguments: [BackendCase.heap, .rocksdb]) func statesInAnotherOrderAreFoundByTheirNames(_ backend: BackendCase) throws {
        let folder = TemporaryFolder(inMemory: true)
        let (savepoint, source) = try savepoint(folder, backend: backend)
        #expect { try rearranged(setup(savepoint, backend: backend), source, CollectSink<String>()) } throws: {
            "\($0)".contains("'total'") && "\($0)".contains("--allow-non-restored-state")
        }
        var accepting = setup(savepoint, backend: backend)
        accepting.dropsUnknownState = true
        let sink = CollectSink<String>()
        let test = try rearranged(accepting, source, sink)
        try test.checkpoint()
        #expect(sink.elements.contains("7 [307, 607] nothing"))
        // What follows is a checkpoint of the new states alone, also after a restore.
        try test.crashAndRestore(parallelism: 2)
        source.push(1207)
        try test.checkpoint()
        #expect(sink.elements.last == "7 [307, 607] nothing")
    }

    @Test func anOperatorThatIsGoneIsRefusedUnlessItsLossIsAccepted() throws {
        let folder = TemporaryFolder(inMemory: true)
        let (savepoint, source) = try savepoint(folder)
        func other(_ setup: TestSetup, _ sink: CollectSink<Int64>) throws -> JobTest {
            try JobTest(setup) { flow in flow.source(source, id: "numbers").sink(sink) }
        }
        #expect { try other(setup(savepoint), CollectSink()) } throws: {
            "\($0)".contains("operator 'totals'") && "\($0)".contains("--allow-non-restored-state")
        }
        var accepting = setup(savepoint)
        accepting.dropsUnknownState = true
        let sink = CollectSink<Int64>()
        try other(accepting, sink).checkpoint()
        #expect(sink.elements == Array(900..<1200), "the positions of the source are restored")
    }

    @Test func damageIsRefusedByName() throws {
        let folder = TemporaryFolder(inMemory: true)
        let (savepoint, source) = try savepoint(folder)
        func refusal() -> String {
            do {
                _ = try job(setup(savepoint), source, CollectSink<String>())
                return "(nothing was refused)"
            } catch { return "\(error)" }
        }
        let file = try #require(savepoint.manifest.files.first { $0.bytes > 0 })
        let path = "\(savepoint.path)/\(file.path)"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var damaged = whole
        damaged[whole.count / 2] ^= 1
        try damaged.write(to: URL(fileURLWithPath: path))
        #expect(refusal().contains(file.path) && refusal().contains("checksum"))
        #expect(throws: RecoveryRefusal.self) { try savepoint.verify() }
        try FileManager.default.removeItem(atPath: path)
        #expect(refusal().contains(file.path) && refusal().contains("missing"))
        try whole.write(to: URL(fileURLWithPath: path))
        #expect(refusal() == "(nothing was refused)")
        let manifestPath = "\(savepoint.path)/\(Savepoint.manifestName)"
        var manifest = try Data(contentsOf: URL(fileURLWithPath: manifestPath))
        manifest[manifest.count / 2] ^= 1
        try manifest.write(to: URL(fileURLWithPath: manifestPath))
        #expect(refusal().contains("is damaged"))
        try FileManager.default.removeItem(atPath: manifestPath)
        #expect(refusal().contains("there is no savepoint in"))
    }

    @Test func aCheckpointCannotPassForASavepointNorItsManifestForOne() throws {
        let folder = TemporaryFolder(inMemory: true)
        let (savepoint, _) = try savepoint(folder)
        let bytes = try #require(FileManager.default.contents(atPath: "\(savepoint.path)/\(Savepoint.manifestName)"))
        #expect(throws: RecoveryRefusal.self) { try CheckpointManifest.decode([UInt8](bytes), path: "here") }
    }

    @Test func aSavepointThatCannotBeWrittenLeavesNothingAndTheJobGoesOn() throws {
        let folder = TemporaryFolder(inMemory: true)
        let source = TestSource<Int64>(Array(0..<900))
        let sink = CollectSink<String>()
        let test = try job(TestSetup(), source, sink)
        let blocked = folder.path + "/blocked"
        try Data().write(to: URL(fileURLWithPath: blocked))
        #expect(throws: (any Error).self) { try test.savepoint(to: blocked) }
        source.push(5)
        try test.checkpoint()
        #expect(sink.elements.count == 901)
        let savepoint = try test.savepoint(to: folder.path + "/free")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/free") == [
                URL(fileURLWithPath: savepoint.path).lastPathComponent
            ])
    }

    @Test func whatIsGivenUpLeavesNothing() throws {
        let folder = TemporaryFolder(inMemory: true)
        let (savepoint, _) = try savepoint(folder)
        let asked = Atomic<Int>(0)
        let writer = SavepointWriter(savepoint.manifest, files: savepoint.store(), formats: []) {
            asked.add(1, ordering: .relaxed).newValue > 20
        }
        #expect(throws: SavepointError.self) { try writer.write(into: folder.path + "/other", createdAtMillis: 0) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/other").isEmpty)
    }
}
