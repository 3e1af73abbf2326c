import Foundation

/// Compares `lines` with a file beside the test, and throws a `GoldenMismatch` that shows the difference. With
/// `WEIR_TEST_RECORD_GOLDEN=1` in the environment the file is written instead.
///
///     try expectGolden(counts.elements.sorted(), file: "golden/counts.txt")
///
/// `file`: relative to the folder of the source file that calls.
public func expectGolden(_ lines: [String], file: String, source: String = #filePath) throws {
    let path = URL(fileURLWithPath: source).deletingLastPathComponent().appendingPathComponent(file).path
    let isRecording = ProcessInfo.processInfo.environment["WEIR_TEST_RECORD_GOLDEN"] == "1"
    try GoldenFile(path: path).expect(lines, isRecording: isRecording)
}

/// A file of lines that a test expects to see again.
package struct GoldenFile {
    let path: String

    package init(path: String) { self.path = path }

    package func expect(_ lines: [String], isRecording: Bool) throws {
        if isRecording { return try record(lines) }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw GoldenMismatch(path: path, problem: "there is no golden file", difference: [])
        }
        let expected = Self.split(String(decoding: data, as: UTF8.self))
        guard expected != lines else { return }
        throw GoldenMismatch(
            path: path, problem: "the lines differ from the golden file (- expected, + found)",
            difference: LineDifference.render(from: expected, to: lines))
    }

    private func record(_ lines: [String]) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: path))
    }

    private static func split(_ text: String) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

/// Lines that are not those of a golden file.
public struct GoldenMismatch: Error, CustomStringConvertible {
    public let path: String
    public let problem: String
    /// Unchanged lines begin with a space, missing ones with `-`, unexpected ones with `+`.
    public let difference: [String]

    public var description: String {
        ([problem + ": " + path] + difference + ["Record it anew with WEIR_TEST_RECORD_GOLDEN=1."]).joined(separator: "\n")
    }
}

/// The difference of two lists of lines, for people.
enum LineDifference {
    /// Unchanged lines around each change.
    private static let context = 2

    static func render(from old: [String], to new: [String]) -> [String] {
        var removed = Set<Int>()
        var inserted = Set<Int>()
        for change in new.difference(from: old) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var all: [String] = []
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if removed.contains(left) {
                all.append("-" + old[left])
                left += 1
            } else if inserted.contains(right) {
                all.append("+" + new[right])
                right += 1
            } else {
                all.append(" " + old[left])
                left += 1
                right += 1
            }
        }
        return shorten(all)
    }

    private static func shorten(_ lines: [String]) -> [String] {
        let near = Set(lines.indices.filter { lines[$0].first != " " }.flatMap { $0 - context...$0 + context })
        var result: [String] = []
        for index in lines.indices {
            if near.contains(index) {
                result.append(lines[index])
            } else if result.last != " …" {
                result.append(" …")
            }
        }
        return result
    }
}
