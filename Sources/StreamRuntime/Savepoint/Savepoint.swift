/// A self-contained copy of a decided checkpoint in a folder of its own, independent of the backend that kept the state and of
/// the parallelism it was kept at. It belongs to whoever asked for it: Weir never deletes one. Format: checkpoints/README.md.
///
/// Invariants (who keeps them):
/// V1. A savepoint is made of a decided checkpoint, whose files are kept until it is whole (`JobAttempt.decide`); so there is
///     no savepoint of an epoch that did not come about.
/// V2. A folder with a final name is whole: everything is written into a folder with a temporary name, fsynced, the manifest
///     last, and then the folder is renamed and its parent fsynced (`SavepointWriter`).
/// V3. It names nothing outside its folder.
public struct Savepoint: Sendable {
    public static let manifestName = "savepoint.manifest"
    static let manifestKind = "WEIR-SAVEPOINT"

    /// The savepoint's own folder.
    public let path: String
    public let manifest: CheckpointManifest
    /// XXH64 of the manifest's body: the savepoint's identity.
    public let hash: String
    private let disk: any Disk

    init(path: String, manifest: CheckpointManifest, hash: String, disk: any Disk) {
        self.disk = disk
        self.path = path
        self.manifest = manifest
        self.hash = hash
    }

    /// Reads and checks the manifest; the files are checked when they are read, or by `verify`.
    /// Throws `RecoveryRefusal` when there is none, or a damaged one.
    public init(at path: String, on disk: any Disk = SystemDisk()) throws {
        let manifestPath = "\(path)/\(Self.manifestName)"
        guard let data = try disk.contents(manifestPath) else {
            throw RecoveryRefusal(
                "there is no savepoint in \(path): \(Self.manifestName) is missing",
                remedy: "Give the folder that 'savepoint' or 'stop' printed; it is named savepoint-….")
        }
        (manifest, hash) = try CheckpointManifest.decode([UInt8](data), path: manifestPath, kind: Self.manifestKind)
        self.path = path
        self.disk = disk
    }

    /// True when the folder looks like a savepoint's.
    public static func exists(at path: String, on disk: any Disk = SystemDisk()) -> Bool {
        disk.size("\(path)/\(manifestName)") != nil
    }

    /// Its files, for reading.
    public func store() -> FileCheckpointStore { FileCheckpointStore(reading: path, disk: disk) }

    /// Size and checksum of every file; the first problem is thrown.
    public func verify() throws { try store().verify(manifest) }

    public var bytes: Int { manifest.stateBytes }
}

/// A savepoint that was asked for and not written.
public struct SavepointError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
