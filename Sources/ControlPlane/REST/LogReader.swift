import Foundation
import HTTPTypes

/// One file of a rotated log.
package struct LogFile: Sendable, Equatable {
    package let name: String
    package let path: String
    package let bytes: Int
    package let changedAtMillis: Int64

    private static let countMax = 1000

    /// `FILE`, `FILE.1`, … as far as they are there, the newest first.
    package static func all(_ path: String) -> [LogFile] {
        var files: [LogFile] = []
        while files.count < countMax, let file = LogFile(files.isEmpty ? path : "\(path).\(files.count)") { files.append(file) }
        return files
    }

    private init?(_ path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? Int,
            let changed = attributes[.modificationDate] as? Date
        else { return nil }
        name = URL(fileURLWithPath: path).lastPathComponent
        self.path = path
        bytes = size
        changedAtMillis = Int64(changed.timeIntervalSince1970 * 1000)
    }
}

/// Reads a rotated log (`FILE`, `FILE.1`, …) piece by piece. A cursor is `<file's inode>-<offset>`: it finds its place again
/// after the file was set aside.
package enum LogReader {
    package static let bytesPerRead = 256 << 10
    /// What is shown of a log to who has no cursor yet.
    package static let tailBytes = 64 << 10
    // Constant and valid.
    static let nextHeader = HTTPField.Name("Weir-Log-Next")!

    package struct Chunk: Sendable {
        package let bytes: [UInt8]
        package let next: String
    }

    private static let filesMax = 1000

    /// No cursor: the last `tailBytes`, whole lines. One that names a file which is gone: the oldest there is. A file that is
    /// shorter than it was has been emptied, and is read from its beginning.
    package static func read(_ path: String, from cursor: String?) throws -> Chunk {
        guard let cursor else { return try tail(path) }
        guard let (inode, offset) = parse(cursor) else { throw ControlError(.badRequest, "'\(cursor)' is not a log cursor") }
        var newer: String?
        for number in 0..<filesMax {
            let name = number == 0 ? path : "\(path).\(number)"
            guard let file = File(name) else {
                guard number > 0 else { return Chunk(bytes: [], next: cursor) }
                // While files are set aside, there is one number that no file has.
                guard File("\(path).\(number + 1)") != nil else { break }
                continue
            }
            if file.inode == inode {
                let offset = offset <= file.size ? offset : 0
                let bytes = file.read(offset, bytesPerRead)
                if bytes.isEmpty, let newer, let next = File(newer) {
                    return Chunk(bytes: next.read(0, bytesPerRead), next: "\(next.inode)-\(next.lastRead)")
                }
                return Chunk(bytes: bytes, next: "\(inode)-\(offset + bytes.count)")
            }
            newer = name
        }
        guard let oldest = newer.flatMap(File.init) else { return Chunk(bytes: [], next: cursor) }
        let bytes = oldest.read(0, bytesPerRead)
        return Chunk(bytes: bytes, next: "\(oldest.inode)-\(bytes.count)")
    }

    private static func tail(_ path: String) throws -> Chunk {
        guard let file = File(path) else { return Chunk(bytes: [], next: "0-0") }
        let start = max(0, file.size - tailBytes)
        var bytes = file.read(start, tailBytes)
        let next = "\(file.inode)-\(start + bytes.count)"
        if start > 0, let newline = bytes.firstIndex(of: 10) { bytes.removeFirst(newline + 1) }
        return Chunk(bytes: bytes, next: next)
    }

    private static func parse(_ cursor: String) -> (inode: UInt64, offset: Int)? {
        let parts = cursor.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let inode = UInt64(parts[0]), let offset = Int(parts[1]), offset >= 0 else { return nil }
        return (inode, offset)
    }

    private final class File {
        let inode: UInt64
        let size: Int
        private(set) var lastRead = 0
        private let descriptor: Int32

        init?(_ path: String) {
            let opened = open(path, O_RDONLY | O_CLOEXEC)
            guard opened >= 0 else { return nil }
            var info = stat()
            guard fstat(opened, &info) == 0 else {
                close(opened)
                return nil
            }
            descriptor = opened
            inode = UInt64(info.st_ino)
            size = Int(info.st_size)
        }

        deinit { close(descriptor) }

        func read(_ offset: Int, _ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let got = pread(descriptor, &bytes, count, off_t(offset))
            lastRead = offset + max(0, got)
            return Array(bytes.prefix(max(0, got)))
        }
    }
}
