import Dispatch
import Foundation
import StreamRuntime
import Synchronization

/// Writes one subtask's files, in order, on a thread of its own.
///
/// The task thread appends and asks for epochs to be published; `pendingBytes`, `published` and `failure`
/// are what it hears back.
final class FilePublisher: @unchecked Sendable {
    // `file`, `temporary` and `isFirst` are used on `queue` only; the rest is atomic or under a lock.

    private let folder: String
    private let suffix: String
    private let subtask: Int
    private let pendingBytesMax: Int
    private let wake: @Sendable () -> Void
    private let queue = DispatchQueue(label: "weir.files.sink")

    private struct Heard {
        var published: Epoch?
        var failure: (any Error)?
        var isClosed = false
    }
    private let heard = Mutex(Heard())
    private let pendingBytes = Atomic<Int>(0)

    private var file: FileHandle?
    private let temporary: String
    private var isFirst = true

    init(folder: String, suffix: String, subtask: Int, pendingBytesMax: Int, wake: @escaping @Sendable () -> Void) {
        self.folder = URL(fileURLWithPath: folder).standardizedFileURL.path
        self.suffix = suffix
        self.subtask = subtask
        self.pendingBytesMax = pendingBytesMax
        self.wake = wake
        temporary = self.folder + "/.part-\(Self.padded(subtask, 5)).writing"
    }

    // MARK: the task thread's side

    var isReady: Bool { pendingBytes.load(ordering: .relaxed) <= pendingBytesMax }

    func append(_ bytes: [UInt8]) {
        pendingBytes.wrappingAdd(bytes.count, ordering: .relaxed)
        queue.async { [self] in
            act { try write(bytes) }
            pendingBytes.wrappingSubtract(bytes.count, ordering: .relaxed)
            wake()
        }
    }

    func publish(_ epoch: Epoch) {
        queue.async { [self] in
            act {
                try publishFile(epoch)
                heard.withLock { $0.published = epoch }
            }
            wake()
        }
    }

    func isPublished(through epoch: Epoch) throws -> Bool {
        let now = heard.withLock { ($0.published, $0.failure) }
        if let failure = now.1 { throw failure }
        return now.0.map { $0 >= epoch } ?? false
    }

    /// Drops what is not published.
    func close() {
        heard.withLock { $0.isClosed = true }
        queue.sync {
            file = nil
            unlink(temporary)
        }
    }

    // MARK: on the queue

    private func act(_ body: () throws -> Void) {
        if heard.withLock({ $0.failure != nil || $0.isClosed }) { return }
        do {
            try body()
        } catch {
            heard.withLock { $0.failure = error }
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        if file == nil {
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw FileError("create", temporary) }
            file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        }
        try file?.write(contentsOf: bytes)
    }

    private func publishFile(_ epoch: Epoch) throws {
        if isFirst { try removeStale(after: epoch) }
        isFirst = false
        let name = self.name(epoch)
        if let written = file {
            guard fsync(written.fileDescriptor) == 0 else { throw FileError("fsync", temporary) }
            file = nil
            guard rename(temporary, name) == 0 else { throw FileError("rename to \(name)", temporary) }
        } else if unlink(name) != 0 {
            // Nothing now, and nothing left by an earlier run: nothing to sync.
            if errno == ENOENT { return }
            throw FileError("remove", name)
        }
        try synchronizeFolder()
    }

    /// Invariant 4, for this subtask's files.
    private func removeStale(after epoch: Epoch) throws {
        let prefix = "part-\(Self.padded(subtask, 5))-"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            guard name.hasPrefix(prefix), name.hasSuffix(suffix),
                let number = UInt64(name.dropFirst(prefix.count).dropLast(suffix.count)), number > epoch.rawValue
            else { continue }
            let path = folder + "/" + name
            if unlink(path) != 0 && errno != ENOENT { throw FileError("remove", path) }
        }
    }

    private func synchronizeFolder() throws {
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open folder", folder) }
        defer { Foundation.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("fsync folder", folder) }
    }

    private func name(_ epoch: Epoch) -> String {
        folder + "/part-\(Self.padded(subtask, 5))-\(Self.padded(epoch.rawValue, 20))\(suffix)"
    }

    private static func padded(_ number: some BinaryInteger, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
