import Foundation
import StreamRuntime

/// One line of a file, without its end, as it lies in the reader's buffer: valid only until the call it
/// was handed to returns.
public struct FileLine {
    public let file: String
    /// Where the line begins in the file.
    public let byte: Int64
    public let bytes: UnsafeRawBufferPointer

    /// The line as text. Invalid UTF-8 is repaired.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Cuts one file into lines through one reused buffer. Owned by one thread.
///
/// A line ends with LF or CRLF; the last one may end with the file.
@usableFromInline
final class LineReader {
    let path: String
    /// Where the next line begins.
    @usableFromInline private(set) var position: Int64
    private let descriptor: Int32
    private let lineBytesMax: Int
    private let follows: Bool
    private static let chunkBytes = 256 << 10

    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// Bytes from `start` known to hold no line end.
    private var scanned = 0
    @usableFromInline private(set) var hasEnded = false

    /// `follows`: the end of the file is not the end of the split; a last line without its end waits.
    init(_ path: String, position: Int64, lineBytesMax: Int, follows: Bool) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileSourceError.cannotOpen(path, code: errno) }
        self.path = path
        self.position = position
        self.lineBytesMax = lineBytesMax
        self.follows = follows
        buffer = .allocate(byteCount: Self.chunkBytes, alignment: 16)
        let size = try self.size()
        if size < position { throw truncated(size) }
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// The next line; `nil` at the end of what there is (for good if `hasEnded`).
    @usableFromInline
    func next() throws -> FileLine? {
        while true {
            if let newline = findNewline() { return take(upTo: newline, consuming: newline - start + 1) }
            guard end - start <= lineBytesMax else { throw tooLong() }
            if try fill() { continue }
            if try size() < position + Int64(end - start) { throw truncated(try size()) }
            if follows { return nil }
            hasEnded = true
            return start < end ? take(upTo: end, consuming: end - start) : nil
        }
    }

    private func findNewline() -> Int? {
        let from = start + scanned
        guard from < end, let base = buffer.baseAddress else { return nil }
        guard let found = memchr(base + from, 0x0A, end - from) else {
            scanned = end - start
            return nil
        }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    private func take(upTo lineEnd: Int, consuming: Int) -> FileLine? {
        var count = lineEnd - start
        if count > 0, buffer[start + count - 1] == 0x0D { count -= 1 }
        let line = FileLine(
            file: path, byte: position,
            bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[start..<(start + count)]))
        start += consuming
        position += Int64(consuming)
        scanned = 0
        return line
    }

    /// Reads more behind what is buffered; false at the end of the file.
    private func fill() throws -> Bool {
        if start > 0, let base = buffer.baseAddress {
            memmove(base, base + start, end - start)
            end -= start
            start = 0
        }
        if end == buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        while true {
            let count = pread(
                descriptor, buffer.baseAddress.map { $0 + end }, buffer.count - end, off_t(position) + off_t(end))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path) }
            end += count
            return count > 0
        }
    }

    private func size() throws -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("look at", path) }
        return Int64(status.st_size)
    }

    private func truncated(_ size: Int64) -> FileSourceError {
        FileSourceError(
            file: path, byte: size,
            problem: "the file ends there, but was read up to byte \(position): it was truncated or replaced. "
                + "Put the old file back, or start the job without its checkpoint")
    }

    private func tooLong() -> FileSourceError {
        FileSourceError(
            file: path, byte: position,
            problem: "the line is longer than \(lineBytesMax) bytes. Raise lineBytesMax, or mend the file")
    }
}
