import StreamRuntime
import Testing

/// Maps that are stored by parts. (`ConformanceTests` has them among the other kinds of state.)
@Suite struct LargeMapTests {
    private struct Maps {
        let world: StateWorld
        let backend: any StateBackend
        let state: OperatorState
        let maps: LargeMapState<String, Int64, Int64>
        var epoch: UInt64 = 0

        init(_ backendCase: BackendCase) throws {
            world = try StateWorld()
            backend = backendCase.make()
            state = try OperatorState(world.context(), backend: backend, fault: StateFault())
            maps = try state.keyed(by: String.self).largeMap("maps", Int64.self, Int64.self)
            try state.seal()
        }

        mutating func checkpoint() throws -> StatePart {
            epoch += 1
            return try state.snapshot(Epoch(epoch)).write(to: world.files)
        }

        mutating func storedParts() throws -> Int {
            var count = 0
            try backend.forEachEntry(of: try checkpoint(), in: world.files, keyGroups: 0..<24) { _, _ in count += 1 }
            return count
        }
    }

    @Test func anAddedPartIsGivenEntriesOfOneOtherOnly() {
        var random = SeededGenerator(seed: 7)
        let hashes = (0..<2000).map { _ in UInt64.random(in: 0 ... .max, using: &random) }
        #expect(hashes.allSatisfy { LinearHashing.part(ofHash: $0, parts: 1) == 0 })
        for parts in UInt32(1)..<300 {
            var moved = 0
            for hash in hashes {
                let before = LinearHashing.part(ofHash: hash, parts: parts)
                let after = LinearHashing.part(ofHash: hash, parts: parts + 1)
                guard before != after else { continue }
                moved += 1
                #expect(after == parts && before == LinearHashing.origin(of: parts), "\(hash) at \(parts) parts")
            }
            #expect(moved > 0 || parts > 100, "nothing moves to part \(parts)")
        }
    }

    @Test(arguments: BackendCase.allCases) func aChangeCostsItsPart(_ backendCase: BackendCase) throws {
        var maps = try Maps(backendCase)
        defer { maps.state.close() }
        for entry in Int64(0)..<50_000 { maps.maps["ann", entry] = entry }
        var known: Set<String> = []
        func added(_ part: StatePart) -> Int {
            part.files.reduce(0) { $0 + (known.insert($1.path).inserted ? $1.bytes : 0) }
        }
        let full = added(try maps.checkpoint())
        #expect(full > 500_000)
        var increments: [Int] = []
        for round in Int64(0)..<20 {
            maps.maps["ann", round &* 7919 % 50_000] = -round
            increments.append(added(try maps.checkpoint()))
        }
        #expect(increments.sorted()[10] < full / 10, "bytes added: \(increments)")
        #expect(maps.maps["ann", 7919] == -1)
        #expect(maps.maps.count(of: "ann") == 50_000)
    }

    @Test(arguments: BackendCase.allCases, [1, 2] as [UInt64])
    func partsComeAndGoWithTheEntries(_ backendCase: BackendCase, _ seed: UInt64) throws {
        var maps = try Maps(backendCase)
        defer { maps.state.close() }
        var random = SeededGenerator(seed: seed)
        let entries = (Int64(0)..<10_000).shuffled(using: &random)
        for entry in entries { maps.maps["ann", entry] = entry }
        maps.maps["bob", 1] = 1
        let many = try maps.storedParts()
        #expect((10_000 / 64...10_000 / 16).contains(many), "\(many) parts")

        for entry in entries.dropLast(20) { #expect(maps.maps.remove(entry, of: "ann") == entry) }
        let few = try maps.storedParts()
        #expect(few <= 20, "\(few) parts")
        #expect(maps.maps["ann"].count == 20)

        for entry in entries.suffix(20) { maps.maps["ann", entry] = nil }
        #expect(maps.maps.isEmpty("ann"))
        #expect(try maps.storedParts() == 1, "bob's")
    }

    @Test(arguments: BackendCase.allCases) func removingManyAtOnceLeavesFewParts(_ backendCase: BackendCase) throws {
        var maps = try Maps(backendCase)
        defer { maps.state.close() }
        for entry in Int64(0)..<10_000 { maps.maps["ann", entry] = entry }
        maps.maps.removeAll(of: "ann") { $1 >= 10 }
        #expect(maps.maps["ann"] == Dictionary(uniqueKeysWithValues: (Int64(0)..<10).map { ($0, $0) }))
        #expect(try maps.storedParts() == 1)
        maps.maps.remove("ann")
        #expect(try maps.storedParts() == 0)
    }

    @Test(arguments: BackendCase.allCases) func checkpointsShowThem(_ backendCase: BackendCase) throws {
        var maps = try Maps(backendCase)
        defer { maps.state.close() }
        for entry in Int64(0)..<1000 { maps.maps["ann", entry] = -entry }
        maps.maps["bob", 7] = 8
        let part = try maps.checkpoint()
        let view = StateView(parts: [part], files: maps.world.files, backends: [maps.backend])
        let seen = try view.largeMaps(of: "maps", String.self, Int64.self, Int64.self)
        #expect(seen.mapValues(\.count) == ["ann": 1000, "bob": 1])
        #expect(seen["ann"]?[999] == -999)

        var texts: [String] = []
        try maps.backend.forEachEntry(of: part, in: maps.world.files, keyGroups: 0..<24) { key, value in
            let key = StoredValue(StateKeyLayout.recordKey(key), schema: part.states[0].keySchema)
            texts.append("\(key.jsonText) \(StoredValue(value, schema: part.states[0].valueSchema).jsonText)")
        }
        #expect(texts.contains(#"{"key":"bob","part":0} {"parts":1,"entries":[[7,8]]}"#), "\(texts.suffix(3))")
        #expect(part.states.map(\.kind) == ["large-map"])
    }
}
