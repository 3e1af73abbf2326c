import Foundation
import StreamRuntime

/// A file that cannot be read as the job asks: what, where, and what to do.
public struct FileSourceError: UnrestartableError, CustomStringConvertible, Sendable {
    public let file: String
    /// Where in the file, if that matters.
    public let byte: Int64?
    public let problem: String

    public init(file: String, byte: Int64? = nil, problem: String) {
        self.file = file
        self.byte = byte
        self.problem = problem
    }

    public var description: String { "\(file)\(byte.map { " at byte \($0)" } ?? ""): \(problem)" }

    /// Why a file or folder does not open: what no restart changes, and what one may (`FileError`).
    static func cannotOpen(_ path: String, code: Int32) -> any Error {
        switch code {
        case ENOENT, ENOTDIR:
            FileSourceError(file: path, problem: "there is no such file; correct the path, or put the file there and start again")
        case EACCES, EPERM, ELOOP:
            FileSourceError(
                file: path, problem: "it cannot be read (\(String(cString: strerror(code)))); correct that and start again")
        default:
            FileError("open", path, code: code)
        }
    }
}

/// A line that the job's decoder refused and that no `onUndecodable` took.
public struct UndecodableLine: UnrestartableError, CustomStringConvertible {
    public let file: String
    public let byte: Int64
    public let cause: any Error

    public init(file: String, byte: Int64, cause: any Error) {
        self.file = file
        self.byte = byte
        self.cause = cause
    }

    public var description: String {
        "the line at byte \(byte) of \(file) does not decode: \(cause). "
            + "Give the source `onUndecodable` to let the job go on"
    }
}
