import Foundation
import StreamRuntime

/// What a path given to a file source means: a file, a folder (its files, not those of folders in it, nor
/// hidden ones) or a pattern with `*`, `?` or `[…]`.
enum FileListing {
    static let filesMax = 100_000

    /// Absolute paths, sorted. Throws if there is none.
    static func expand(_ path: String) throws -> [String] {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        var isFolder: ObjCBool = false
        var found: [String]
        if FileManager.default.fileExists(atPath: absolute, isDirectory: &isFolder) {
            guard isFolder.boolValue else { return [absolute] }
            found = try names(absolute).filter { !$0.hasPrefix(".") }.map { absolute + "/" + $0 }
        } else {
            found = try match(absolute)
        }
        found = found.filter(isRegularFile).sorted()
        guard !found.isEmpty else {
            throw FileSourceError(
                file: path, problem: "there is no file of that name, in that folder or matching that pattern. Check the path")
        }
        guard found.count <= filesMax else {
            throw FileSourceError(file: path, problem: "\(found.count) files are more than \(filesMax): use a narrower pattern")
        }
        return found
    }

    private static func names(_ folder: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw FileSourceError.cannotOpen(folder, code: EACCES)
        }
    }

    private static func match(_ pattern: String) throws -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        let code = glob(pattern, GLOB_ERR, nil, &result)
        if code == GLOB_NOMATCH { return [] }
        guard code == 0 else { throw FileSourceError.cannotOpen(pattern, code: errno) }
        return (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
    }

    private static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && (status.st_mode & S_IFMT) == S_IFREG
    }
}
