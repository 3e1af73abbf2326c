import Foundation
import StreamRuntime
import TestKit
import Testing

/// Manifests whose checksum is right and which say what none can: written by hand, or by another program.
struct ManifestTests {
    private static let body = #"""
        {"format":1,"checkpoint":"0123456789abcdef0123456789abcdef/0/7/00000000000000a1","jobName":"count","createdAtMillis":1,"keyGroups":4,
        "operators":[{"id":"count","positions":[],"lists":[],"state":[{"backend":"heap","keyGroupStart":0,"keyGroupEnd":4,"states":[],
        "files":[{"path":"files/a.run","bytes":7,"hash":"0000000000000000"},{"path":"files/b.run","bytes":8,"hash":"0000000000000000"}]}]}]}
        """#

    private func decode(_ body: String) throws -> CheckpointManifest {
        let bytes = Array(body.utf8)
        let hash = bytes.withUnsafeBytes { hexDigits(XXH64.hash($0)) }
        let header = "\(CheckpointManifest.kind) \(CheckpointManifest.format) \(bytes.count) \(hash)\n"
        return try CheckpointManifest.decode(Array(header.utf8) + bytes, path: "m").manifest
    }

    @Test func aSensibleOneIsRead() throws {
        let manifest = try decode(Self.body)
        #expect(manifest.stateBytes == 15)
        #expect(manifest.id?.epoch == Epoch(7))
    }

    @Test(
        "a manifest that says what none can is refused, with what it says",
        arguments: [
            (#""keyGroups":4"#, #""keyGroups":0"#, "0 key groups"),
            (
                #""lists":[]"#,
                #""lists":[{"name":"l","schema":"i64","count":1,"file":{"path":"l","bytes":1,"hash":"0"},"share":{"subtask":2,"parallelism":2}}]"#,
                "'l' of subtask 2, of 2"
            ),
            (#""keyGroups":4"#, #""keyGroups":99999"#, "99999 key groups"),
            (#""keyGroupStart":0"#, #""keyGroupStart":5"#, "key groups 5 to 4"),
            (#""keyGroupStart":0"#, #""keyGroupStart":-1"#, "key groups -1 to 4"),
            (#""keyGroupEnd":4"#, #""keyGroupEnd":9223372036854775807"#, "9223372036854775807, of 4"),
            (#""bytes":7"#, #""bytes":9223372036854775807"#, "9223372036854775807 bytes"),
            (#""bytes":7"#, #""bytes":-1"#, "-1 bytes"),
            ("files/a.run", "files/../../etc/passwd", "outside its folder"),
            ("files/a.run", "/etc/passwd", "outside its folder"),
        ])
    func refuses(_ old: String, _ new: String, _ problem: String) {
        let error = #expect(throws: RecoveryRefusal.self) { try decode(Self.body.replacing(old, with: new)) }
        // Of two sizes that do not add up, either may be the one that is named.
        let text = error?.problem ?? ""
        #expect(text.contains(problem) || (new.contains("bytes") && text.contains("bytes")), "\(text)")
    }

    @Test func aFolderWithoutAnyCheckpointIsNotTheOneThatTheJobUsed() throws {
        let folder = TemporaryFolder()
        let store = try FileCheckpointStore(folder: folder.path + "/job")
        let refusal = #expect(throws: RecoveryRefusal.self) { try store.manifest(named: "chk-7.manifest") }
        #expect(refusal?.remedy.contains("--checkpoint-dir") == true)
        #expect(FileManager.default.createFile(atPath: folder.path + "/job/chk-6.manifest", contents: nil))
        let other = #expect(throws: RecoveryRefusal.self) { try store.manifest(named: "chk-7.manifest") }
        #expect(other?.remedy.contains("another checkpoint") == true)
    }

    @Test func anEpochThatNoneCanFollowIsNoCheckpointID() {
        let job = "0123456789abcdef0123456789abcdef"
        #expect(CheckpointID("\(job)/0/\(Int64.max)/00000000000000a1") != nil)
        #expect(CheckpointID("\(job)/0/\(UInt64.max)/00000000000000a1") == nil)
    }

    @Test func storedValuesOfSchemasTooDeepToReadAreShownAsBytes() {
        let bytes: [UInt8] = [1, 1, 1]
        for schema in [String(repeating: "[", count: 100_000), "i64" + String(repeating: "?", count: 100_000), "[[unit]]"] {
            #expect(bytes.withUnsafeBytes { StoredValue($0, schema: schema) } == .bytes(bytes))
        }
    }
}
