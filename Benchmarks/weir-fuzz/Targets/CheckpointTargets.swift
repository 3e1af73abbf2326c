import Foundation
import StreamRuntime

// Manifests of checkpoints and savepoints, decisions, and the files a manifest names.
extension FuzzTarget {
    static func checkpoints() throws -> [FuzzTarget] {
        [
            manifest("manifest", CheckpointManifest.kind), savepoint, decision, try stateFile("run-file"),
            try stateFile("list-file"),
        ]
    }

    static let manifestJSON = #"""
        {"format":1,"checkpoint":"0123456789abcdef0123456789abcdef/0/7/00000000000000a1","jobName":"count","createdAtMillis":1700000000000,
        "keyGroups":4,"origin":"00ff","operators":[{"id":"in","positions":[{"split":"in/0","next":42}],"state":[],"lists":[]},
        {"id":"count","positions":[],"state":[{"backend":"heap","keyGroupStart":0,"keyGroupEnd":4,
        "states":[{"name":"count","kind":"value","keySchema":"utf8","valueSchema":"i64"},{"name":"seen","kind":"list","keySchema":"utf8","valueSchema":"[pair(utf8,i32?)]"}],
        "files":[{"path":"files/a.run","bytes":0,"hash":"0000000000000000"}]}],
        "lists":[{"name":"user.pending","schema":"[utf8:f64]","count":1,"file":{"path":"files/b.list","bytes":0,"hash":"0000000000000000"}}]}]}
        """#

    private static func sealed(_ body: [UInt8], _ kind: String) -> [UInt8] {
        let hash = body.withUnsafeBytes { hexDigits(XXH64.hash($0)) }
        return Array("\(kind) \(CheckpointManifest.format) \(body.count) \(hash)\n".utf8) + body
    }

    /// Whatever is behind the first line gets the header that belongs to it.
    private static func reseal(_ kind: String) -> @Sendable (inout [UInt8]) -> Void {
        { bytes in
            guard let end = bytes.firstIndex(of: 10) else { return }
            bytes = sealed(Array(bytes[(end + 1)...]), kind)
        }
    }

    private static let manifestWords = [
        "\"keyGroupStart\":9", "\"keyGroupEnd\":-1", "../../etc/passwd", "\"bytes\":9223372036854775807", "\"keyGroups\":0",
        "null", "\"state\":[]", "\\u0000", "/18446744073709551615/",
    ]

    private static func manifest(_ name: String, _ kind: String) -> FuzzTarget {
        FuzzTarget(
            name, examples: [sealed(Array(manifestJSON.utf8), kind)], words: manifestWords, mend: reseal(kind)
        ) { bytes in
            let (manifest, hash) = try CheckpointManifest.decode(bytes, path: "fuzz", kind: kind)
            // What `checkpoints list` and a start do with it.
            _ = (manifest.stateBytes, manifest.files.count, manifest.id?.epoch.next, hash)
            for part in manifest.operators.flatMap(\.state) { _ = part.keyGroups.overlaps(0..<4) }
            let again = try CheckpointManifest.decode(try manifest.encoded(kind: kind).bytes, path: "fuzz", kind: kind)
            try requireSame(manifest, again.manifest)
        }
    }

    /// A savepoint whose manifest is the input, and whose files are all there and all the same.
    private static let savepoint = FuzzTarget(
        "savepoint", examples: [sealed(Array(manifestJSON.utf8), "WEIR-SAVEPOINT")], words: manifestWords,
        mend: reseal("WEIR-SAVEPOINT")
    ) { bytes in
        let savepoint = try Savepoint(at: "/savepoint", on: OneFileDisk(manifest: bytes, others: runFile()))
        _ = savepoint.bytes
        try dump(savepoint.manifest, runFile())
        try savepoint.verify()
    }

    private static let decision = FuzzTarget(
        "decision",
        texts: [
            #"{"checkpoint":"0123456789abcdef0123456789abcdef/0/7/00000000000000a1","format":1,"manifestHash":"00ff","offsets":[{"domain":"kafka://c","group":"g","next":42,"partition":0,"source":"in","split":"in/0","topic":"in"}]}"#,
            #"{"checkpoint":"0123456789abcdef0123456789abcdef/0/0/00000000000000a1","format":1,"manifestHash":"genesis","offsets":[]}"#,
        ], words: ["null", "\"next\":-9223372036854775808", "/18446744073709551615/", "/9223372036854775807/"]
    ) { text in
        let decision = try Decision(json: text.utf8)
        _ = decision.checkpoint.epoch.next
        try requireSame(decision, try Decision(json: decision.encodedJSON()))
    }

    // MARK: State files

    /// A run file of two key groups, put together by the description of its format.
    static func runFile() -> [UInt8] {
        var file = ByteWriter()
        file.raw(Array("WEIRRUN1".utf8))
        var sections: [(group: UInt32, start: Int, count: Int)] = []
        for group in [0, 3] as [UInt32] {
            let start = file.byteCount
            for state in 0..<2 {
                var key = ByteWriter()
                key.raw([0, UInt8(state), 0, UInt8(group)])
                "key \(group)".encode(into: &key)
                var value = ByteWriter()
                if state == 0 { Int64(5).encode(into: &value) } else { ["a", "b"].encode(into: &value) }
                file.sized(key.bytes)
                file.varint(UInt64(value.byteCount) + 1)
                file.raw(value.bytes)
            }
            file.sized([0, 0, 0, UInt8(group), 1, 120])
            file.varint(0)
            sections.append((group, start, file.byteCount - start))
        }
        let index = file.byteCount
        for section in sections {
            file.integer(section.group)
            file.integer(UInt64(section.start))
            file.integer(UInt64(section.count))
        }
        file.integer(UInt64(index))
        file.integer(UInt32(sections.count))
        file.raw(Array("WEIREND1".utf8))
        return file.bytes
    }

    private static func listFile() -> [UInt8] {
        var file = ByteWriter()
        for group in 0..<3 as Range<UInt32> {
            var item = ByteWriter()
            ["name \(group)": Double(group)].encode(into: &item)
            file.integer(group)
            file.sized(item.bytes)
        }
        return file.bytes
    }

    /// The input is the content of every file of a checkpoint; state and lists are walked through as `weir state` does it.
    private static func stateFile(_ name: String) throws -> FuzzTarget {
        let manifest = try JSONDecoder().decode(CheckpointManifest.self, from: Data(manifestJSON.utf8))
        let isRun = name == "run-file"
        return FuzzTarget(name, examples: [isRun ? runFile() : listFile()], words: ["WEIRRUN1", "WEIREND1"]) { bytes in
            var chosen = manifest
            for index in chosen.operators.indices {
                if isRun { chosen.operators[index].lists = [] } else { chosen.operators[index].state = [] }
            }
            try dump(chosen, bytes)
        }
    }

    /// Two files of a part are merged, one is read by itself: both.
    private static func dump(_ manifest: CheckpointManifest, _ bytes: [UInt8]) throws {
        for copies in 1...2 {
            var manifest = manifest
            let file = CheckpointFile(
                path: "files/any", bytes: bytes.count, hash: bytes.withUnsafeBytes { hexDigits(XXH64.hash($0)) })
            for index in manifest.operators.indices {
                for part in manifest.operators[index].state.indices {
                    manifest.operators[index].state[part].files = Array(repeating: file, count: copies)
                }
                for list in manifest.operators[index].lists.indices { manifest.operators[index].lists[list].file = file }
            }
            try StateDump(manifest, files: SameFile(bytes: bytes), formats: []).forEach(where: { _, _ in true }) { entry in
                _ = (entry.key?.plainText, entry.value.jsonText)
            }
        }
    }
}

/// Checkpoint files that all have one content.
private struct SameFile: CheckpointFiles {
    let bytes: [UInt8]

    func contents(of file: CheckpointFile) -> Data { Data(bytes) }
    func write(_ name: String, _ body: (inout CheckpointFileWriter) throws -> Void) throws -> CheckpointFile {
        throw FuzzFailure("nothing is written here")
    }
    func adopt(_ name: String, localPath: String) throws -> CheckpointFile { throw FuzzFailure("nothing is written here") }
    func localPath(of file: CheckpointFile) throws -> String { throw FuzzFailure("there is no file") }
}

/// A disk with a savepoint's manifest, on which every other file has one content.
private struct OneFileDisk: Disk {
    let manifest: [UInt8]
    let others: [UInt8]

    private func bytes(_ path: String) -> [UInt8] { path.hasSuffix("/\(Savepoint.manifestName)") ? manifest : others }
    private var isReadOnly: FuzzFailure { FuzzFailure("nothing is written here") }

    func makeFolder(_ path: String) {}
    func create(_ path: String) throws -> any DiskFile { throw isReadOnly }
    func adopt(_ localPath: String, as path: String) throws { throw isReadOnly }
    func rename(_ path: String, to target: String) throws { throw isReadOnly }
    func remove(_ path: String) {}
    func removeFolder(_ path: String) {}
    func syncFolder(_ path: String) {}
    func list(_ folder: String) -> [String] { [] }
    func size(_ path: String) -> Int? { bytes(path).count }
    func contents(_ path: String) -> Data? { Data(bytes(path)) }
    func localPath(_ path: String) throws -> String { throw isReadOnly }
}
