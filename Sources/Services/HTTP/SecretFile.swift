import Foundation
import StreamRuntime

/// A secret kept in a file that only its owner may read.
package enum SecretFile {
    private static let bytes = 32

    /// 256 random bits as base64url.
    static func randomText() -> String {
        var generator = SystemRandomNumberGenerator()
        return Data((0..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) }).base64URL
    }

    /// The secret in the file at `path`, made if there is none (mode 0600, in folders made as needed). Throws
    /// `SecretFileError` for a file that others may read, or that holds no secret. One that was made survives a loss of power
    /// (`syncFolder`): otherwise the next one made would void every token.
    package static func load(
        _ path: String, syncFolder: (String) throws -> Void = { try SystemDisk().syncFolder($0) }
    ) throws -> String {
        if let known = try read(path) { return known }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try SystemDisk().makeFolder(folder)
        try make(path)
        try syncFolder(folder)
        guard let made = try read(path) else { throw SecretFileError(path, "is gone right after it was made") }
        return made
    }

    /// Whole or not at all, whenever the process dies; of two processes that start together one makes it.
    private static func make(_ path: String) throws {
        let draft = "\(path).\(getpid()).new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SecretFileError(path, "cannot be made: \(String(cString: strerror(errno)))") }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let text = Array((randomText() + "\n").utf8)
        guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
            throw SecretFileError(path, "cannot be written: \(String(cString: strerror(errno)))")
        }
        guard link(draft, path) == 0 || errno == EEXIST else {
            throw SecretFileError(path, "cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// Nil when there is no such file.
    private static func read(_ path: String) throws -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw SecretFileError(path, "cannot be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & 0o077 == 0 else { throw SecretFileError(path, "may be read by others; run: chmod 600 \(path)") }
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let secret = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard secret.utf8.count >= bytes else {
            throw SecretFileError(path, "holds no secret of \(bytes) characters; remove it, and a new one is made")
        }
        return secret
    }
}

/// A secret that cannot be read or made.
package struct SecretFileError: Error, CustomStringConvertible {
    package let description: String

    init(_ path: String, _ reason: String) { description = "the secret \(path) \(reason)" }
}

extension Data {
    /// RFC 4648 §5, without padding.
    var base64URL: String {
        base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Nil for anything but base64url without padding, in its one spelling.
    init?(base64URL text: String) {
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=") }) else {
            return nil
        }
        let padded =
            text.replacing("-", with: "+").replacing("_", with: "/")
            + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        self.init(base64Encoded: padded)
        if base64URL != text { return nil }
    }
}
