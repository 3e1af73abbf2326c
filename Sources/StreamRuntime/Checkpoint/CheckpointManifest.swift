import Foundation
import UntrustedJSON

/// What a checkpoint consists of: the file that is renamed into place last. Format 1, described in
/// checkpoints/README.md: one line of header with the body's length and XXH64, then the body in JSON.
public struct CheckpointManifest: Sendable, Equatable, Codable {
    public static let format = 1
    public static let kind = "WEIR-MANIFEST"

    public struct OperatorEntry: Sendable, Equatable, Codable {
        public var id: String
        /// Sources: the next position of every split.
        public var positions: [Position]
        /// Keyed state, a part per subtask.
        public var state: [StatePart]
        public var lists: [List]
    }
    public struct Position: Sendable, Equatable, Codable {
        public var split: String
        public var next: Int64
    }
    public struct List: Sendable, Equatable, Codable {
        public var name: String
        public var schema: String
        public var count: Int
        public var file: CheckpointFile
        /// Of a list that is dealt out: whose it was. Absent in checkpoints of older builds.
        public var share: OperatorList.Share?
    }

    public var format: Int
    public var checkpoint: String
    public var jobName: String
    public var createdAtMillis: Int64
    public var keyGroups: Int
    public var operators: [OperatorEntry]
    /// The checkpoint or savepoint that a start named explicitly and this one goes back to: the checksum of its manifest.
    public var origin: String?

    public var files: [CheckpointFile] {
        operators.flatMap { entry in entry.state.flatMap(\.files) + entry.lists.map(\.file) }
    }

    /// Bytes of all files, shared ones included.
    public var stateBytes: Int { Set(files).reduce(0) { $0 + $1.bytes } }

    public var id: CheckpointID? { CheckpointID(checkpoint) }

    // MARK: Bytes

    /// `kind`: the header's first word.
    public func encoded(kind: String = Self.kind) throws -> (bytes: [UInt8], hash: String) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        let body = [UInt8](try encoder.encode(self))
        let hash = body.withUnsafeBytes { hexDigits(XXH64.hash($0)) }
        return (Array("\(kind) \(Self.format) \(body.count) \(hash)\n".utf8) + body, hash)
    }

    /// Checks the header, the checksum and the format before anything else is believed.
    public static func decode(
        _ bytes: [UInt8], path: String, kind: String = Self.kind
    ) throws -> (manifest: CheckpointManifest, hash: String) {
        func refuse(_ what: String) -> RecoveryRefusal {
            RecoveryRefusal(
                "checkpoint manifest \(path) \(what)",
                remedy: "Start from an older checkpoint (weir checkpoints list), or restore the file.")
        }
        guard let end = bytes.firstIndex(of: 10), end < 100,
            let header = String(validating: bytes[..<end], as: UTF8.self)
        else { throw refuse("has no header line") }
        let words = header.split(separator: " ")
        guard words.count == 4, words[0] == kind, let count = Int(words[2]) else {
            throw refuse("does not begin with the header of a \(kind)")
        }
        guard words[1] == "\(format)" else {
            throw refuse("has format \(words[1]); this version of Weir reads format \(format)")
        }
        let body = bytes[(end + 1)...]
        guard body.count == count else { throw refuse("has \(body.count) bytes of body, its header says \(count)") }
        let hash = body.withUnsafeBytes { hexDigits(XXH64.hash($0)) }
        guard hash == words[3] else { throw refuse("is damaged: its checksum is \(hash), its header says \(words[3])") }
        let manifest: CheckpointManifest
        do {
            manifest = try UntrustedJSON.decode(CheckpointManifest.self, from: Data(body))
        } catch {
            throw refuse("does not decode: \(error)")
        }
        if let problem = manifest.problem { throw refuse(problem) }
        return (manifest, hash)
    }

    /// What no manifest of this program says, whatever its checksum: it may have been written by hand.
    private var problem: String? {
        guard (1...KeyGroups.countMax).contains(keyGroups) else { return "says that there are \(keyGroups) key groups" }
        for part in operators.flatMap(\.state) {
            guard 0 <= part.keyGroupStart, part.keyGroupStart <= part.keyGroupEnd, part.keyGroupEnd <= keyGroups else {
                return "has a part of key groups \(part.keyGroupStart) to \(part.keyGroupEnd), of \(keyGroups)"
            }
        }
        for list in operators.flatMap(\.lists) {
            guard let share = list.share, share.subtask < 0 || share.subtask >= share.parallelism else { continue }
            return "has a list '\(list.name)' of subtask \(share.subtask), of \(share.parallelism)"
        }
        var total = 0
        for file in Set(files) {
            guard !file.path.hasPrefix("/"), !file.path.split(separator: "/").contains("..") else {
                return "names the file '\(file.path)', which is outside its folder"
            }
            let (sum, overflow) = total.addingReportingOverflow(file.bytes)
            guard file.bytes >= 0, !overflow else { return "says that '\(file.path)' has \(file.bytes) bytes" }
            total = sum
        }
        return nil
    }
}
