import Foundation

/// The operating system's file system.
public struct SystemDisk: Disk {
    public init() {}

    public func makeFolder(_ path: String) throws {
        for step in FolderStep.toMake(path, exists: isFolder) {
            switch step {
            case .make(let folder):
                guard mkdir(folder, 0o777) != 0 else { continue }
                let code = errno
                // Another process may have been faster.
                guard code == EEXIST, isFolder(folder) else { throw FileError("create the folder", folder, code: code) }
            case .sync(let folder):
                try syncFolder(folder)
            case .syncIfReadable(let folder):
                do { try syncFolder(folder) } catch let error as FileError where error.code == EACCES { continue }
            }
        }
    }

    private func isFolder(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    public func create(_ path: String) throws -> any DiskFile {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("create", path) }
        return SystemFile(descriptor, path)
    }

    public func adopt(_ localPath: String, as path: String) throws {
        if link(localPath, path) != 0 {
            do {
                try FileManager.default.copyItem(atPath: localPath, toPath: path)
            } catch {
                throw FileError("copy \(localPath) to", path, error)
            }
        }
        try sync(path, O_RDONLY, "fsync")
    }

    public func rename(_ path: String, to target: String) throws {
        guard Foundation.rename(path, target) == 0 else { throw FileError("rename \(path) to", target) }
    }

    public func remove(_ path: String) { unlink(path) }

    public func removeFolder(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    public func syncFolder(_ path: String) throws { try sync(path, O_RDONLY, "fsync the folder") }

    private func sync(_ path: String, _ flags: Int32, _ doing: String) throws {
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(doing, path) }
    }

    public func list(_ folder: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        } catch {
            throw FileError("list", folder, error)
        }
    }

    public func size(_ path: String) -> Int? {
        var info = stat()
        return stat(path, &info) == 0 ? Int(info.st_size) : nil
    }

    public func contents(_ path: String) throws -> Data? {
        guard size(path) != nil else { return nil }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw FileError("read", path, error)
        }
    }

    public func localPath(_ path: String) -> String { path }
}

/// A descriptor, closed with its owner.
private final class SystemFile: DiskFile {
    private var descriptor: Int32
    private let path: String

    init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close() }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError("write", path) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func sync() throws {
        guard fsync(descriptor) == 0 else { throw FileError("fsync", path) }
    }

    func close() {
        if descriptor >= 0 { Foundation.close(descriptor) }
        descriptor = -1
    }
}
