import Foundation
import StreamRuntime

/// Makes sure that a job id runs once on a checkpoint folder (rule 11): an advisory lock on
/// `<root>/<job id>/owner.lock`, which the operating system lets go of when the process ends, however it ends.
public final class JobLock: Sendable {
    private let descriptor: Int32

    /// Throws `JobLockError` naming the process that holds the lock.
    public init(checkpointRoot: String, job: JobID, jobName: String) throws {
        let folder = "\(checkpointRoot)/\(job)"
        do {
            try SystemDisk().makeFolder(folder)
        } catch {
            let reason = (error as? FileError).map { ErrorText.of($0.code) } ?? "\(error)"
            throw JobLockError("the checkpoint folder \(folder) cannot be made: \(reason); see --checkpoint-dir")
        }
        let path = "\(folder)/owner.lock"
        descriptor = try Self.lock(path) { owner in
            "job '\(jobName)' (\(job)) runs already on \(checkpointRoot)\(owner.map { ", as process \($0)" } ?? ""); "
                + "stop that run, or give this one another --namespace or --checkpoint-dir"
        }
    }

    /// Whether a run holds the lock now, of any process that sees this folder. Asked by trying: a job that starts in the
    /// same microsecond is told that it runs already.
    public static func isHeld(checkpointRoot: String, job: JobID) -> Bool {
        let descriptor = open("\(checkpointRoot)/\(job)/owner.lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { FileLock.release(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Static, so that a failure closes the descriptor once: a class whose `init` throws after its properties
    /// are set runs its `deinit` too.
    private static func lock(_ path: String, taken: (_ owner: String?) -> String) throws -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw JobLockError("\(path) cannot be opened: \(ErrorText.of(errno)); see --checkpoint-dir")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            defer { close(descriptor) }
            throw JobLockError(taken(read(descriptor)))
        }
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, text, text.count, 0)  // for people only: the lock is what counts
        return descriptor
    }

    deinit { FileLock.release(descriptor) }

    private static func read(_ descriptor: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: bytes[..<count], as: UTF8.self).filter(\.isNumber)).map(String.init)
    }
}

/// Another live run of the same job.
public struct JobLockError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
