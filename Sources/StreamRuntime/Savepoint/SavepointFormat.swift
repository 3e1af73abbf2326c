/// How savepoints store keyed state, whatever backend kept it: run files in which every entry is live and each key group's
/// entries are sorted by their stored keys. A part covers consecutive key groups, as many as one file takes.
public struct SavepointFormat: StateFormat {
    public static let name = "savepoint"

    public init() {}

    public var name: String { Self.name }

    public func reader(of part: StatePart, in files: any CheckpointFiles) throws -> any StatePartReader {
        RunReader(try part.files.map { try RunFile($0, in: files) })
    }
}
