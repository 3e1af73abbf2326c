import Foundation
import StreamRuntime

/// A file system that keeps, when the computer crashes, only what it was made to keep: bytes that were not synced may be
/// lost or torn, names that were not synced may be lost, kept or reordered, each for itself. Worse than most real ones.
///
/// Several processes can have it, as they would a shared one: each through a mount of its own. The simulation's thread.
final class SimulatedDisk: @unchecked Sendable {  // the simulation's thread only
    fileprivate final class Inode {
        var bytes: [UInt8] = []
        var syncedCount = 0
    }
    private enum NameChange {
        case set(String, Inode)
        case remove(String)
        case rename(String, to: String, Inode)
    }

    private let world: SimulatedWorld
    /// What processes see.
    private var names: [String: Inode] = [:]
    /// What is left after a crash of the computer.
    private var durable: [String: Inode] = [:]
    /// By folder, oldest first.
    private var unsynced: [String: [NameChange]] = [:]
    var fullUntilNanos: Int64 = 0
    var slowUntilNanos: Int64 = 0

    init(_ world: SimulatedWorld) { self.world = world }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    private func change(_ change: NameChange, in path: String) {
        Self.apply(change, to: &names)
        unsynced[Self.folder(of: path), default: []].append(change)
    }

    private static func apply(_ change: NameChange, to names: inout [String: Inode]) {
        switch change {
        case .set(let path, let inode): names[path] = inode
        case .remove(let path): names[path] = nil
        case .rename(let path, let target, let inode):
            names[path] = nil
            names[target] = inode
        }
    }

    // MARK: What happens to it

    /// The computer loses power: the processes that use the disk are dead.
    func crash() {
        for folder in unsynced.keys.sorted() {
            for change in unsynced[folder] ?? [] where world.chance(0.5) { Self.apply(change, to: &durable) }
        }
        unsynced = [:]
        names = durable
        for path in names.keys.sorted() {
            guard let inode = names[path], inode.bytes.count > inode.syncedCount else { continue }
            let kept = world.number(in: inode.syncedCount...inode.bytes.count)
            if world.chance(0.3) {
                // The length reached the disk, the bytes did not.
                for index in kept..<inode.bytes.count { inode.bytes[index] = 0 }
            } else {
                inode.bytes.removeLast(inode.bytes.count - kept)
            }
            inode.syncedCount = inode.bytes.count
        }
        world.trace.note("disk lost what was not synced", Int64(names.count))
    }

    /// Every path there is.
    var paths: [String] { names.keys.sorted() }

    // MARK: What processes do with it

    fileprivate func create(_ path: String) throws -> Inode {
        guard names[path] == nil else { throw FileError("create", path, code: EEXIST) }
        if world.now < fullUntilNanos { throw FileError("create", path, code: ENOSPC) }
        let inode = Inode()
        change(.set(path, inode), in: path)
        return inode
    }

    fileprivate func append(_ bytes: UnsafeRawBufferPointer, to inode: Inode, _ path: String) throws {
        guard world.now < fullUntilNanos else { return inode.bytes.append(contentsOf: bytes) }
        inode.bytes.append(contentsOf: bytes.prefix(bytes.count / 2))
        throw FileError("write", path, code: ENOSPC)
    }

    fileprivate func sync(_ inode: Inode) {
        delay()
        inode.syncedCount = inode.bytes.count
    }

    fileprivate func syncFolder(_ path: String) {
        delay()
        for change in unsynced.removeValue(forKey: path) ?? [] { Self.apply(change, to: &durable) }
    }

    private func delay() {
        if world.now < slowUntilNanos { world.pause(world.number(in: 1_000_000...300_000_000 as ClosedRange<Int64>)) }
    }

    fileprivate func rename(_ path: String, _ target: String) throws {
        guard let inode = names[path] else { throw FileError("rename \(path) to", target, code: ENOENT) }
        change(.rename(path, to: target, inode), in: target)
    }

    fileprivate func remove(_ path: String) {
        if names[path] != nil { change(.remove(path), in: path) }
    }

    fileprivate func list(_ folder: String) -> [String] {
        let prefix = folder + "/"
        return names.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .filter { !$0.contains("/") }.sorted()
    }

    fileprivate func bytes(_ path: String) -> [UInt8]? { names[path]?.bytes }
}

/// The disk as one process has it. Heap state only, and files only: RocksDB's are outside the simulation, and so are
/// savepoints, which rename a folder.
struct DiskMount: Disk {
    let disk: SimulatedDisk
    let life: ProcessLife

    private final class File: DiskFile {
        let inode: SimulatedDisk.Inode
        let path: String
        let mount: DiskMount

        init(_ inode: SimulatedDisk.Inode, _ path: String, _ mount: DiskMount) {
            self.inode = inode
            self.path = path
            self.mount = mount
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws {
            try mount.life.check()
            try mount.disk.append(bytes, to: inode, path)
        }
        func sync() throws {
            try mount.life.check()
            mount.disk.sync(inode)
            try mount.life.check()
        }
        func close() {}
    }

    func makeFolder(_ path: String) throws { try life.check() }

    func create(_ path: String) throws -> any DiskFile {
        try life.check()
        return File(try disk.create(path), path, self)
    }

    func adopt(_ localPath: String, as path: String) throws { throw FileError("simulate links to", path, code: ENOTSUP) }

    func rename(_ path: String, to target: String) throws {
        try life.check()
        try disk.rename(path, target)
    }

    func remove(_ path: String) { if !life.isDead { disk.remove(path) } }

    func removeFolder(_ path: String) {
        for file in disk.paths where file.hasPrefix(path + "/") { remove(file) }
    }

    func syncFolder(_ path: String) throws {
        try life.check()
        disk.syncFolder(path)
        try life.check()
    }

    func list(_ folder: String) throws -> [String] {
        try life.check()
        return disk.list(folder)
    }

    func size(_ path: String) -> Int? { disk.bytes(path)?.count }

    func contents(_ path: String) throws -> Data? {
        try life.check()
        return disk.bytes(path).map { Data($0) }
    }

    func localPath(_ path: String) throws -> String { throw FileError("find a local path of", path, code: ENOTSUP) }
}
