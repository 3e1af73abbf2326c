import Foundation

/// Reads what `perf script -F comm,pid,tid,ip,sym,dso` prints: a line that names the thread, a line for each frame, innermost
/// first, an empty line. Pure.
///
/// What it does not understand it leaves out and counts: a message of perf's in between, a line cut off at the end.
package struct PerfScript {
    package private(set) var stacks = FoldedStacks()
    package private(set) var samples = 0
    package private(set) var brokenLines = 0

    private var thread: String?
    /// Innermost first.
    private var frames: [String] = []
    /// Texts come again and again.
    private var shortened: [Substring: String] = [:]
    private static let shortenedMax = 100_000

    package init() {}

    package init(_ output: Data) {
        for line in output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            read(String(decoding: line, as: UTF8.self))
        }
        finish()
    }

    package mutating func read(_ line: String) {
        guard let first = line.first else { return finish() }
        if first == " " || first == "\t" {
            // A frame without a thread belongs to a head that was not understood.
            guard thread != nil, let frame = frame(line) else { return brokenLines += 1 }
            frames.append(frame)
        } else {
            finish()
            thread = Self.thread(line)
            if thread == nil { brokenLines += 1 }
        }
    }

    /// Ends the sample that is being read. One that was given no frames counts for its thread.
    package mutating func finish() {
        defer {
            thread = nil
            frames.removeAll(keepingCapacity: true)
        }
        guard let thread else { return }
        samples += 1
        stacks.add([thread] + frames.reversed(), weight: 1)
    }

    /// `weir worker 1  4711/4720` → `weir worker 1`.
    private static func thread(_ line: String) -> String? {
        let words = line.split(separator: " ")
        guard words.count > 1, let ids = words.last?.split(separator: "/"), ids.count == 2, ids.allSatisfy({ Int($0) != nil })
        else { return nil }
        return words.dropLast().joined(separator: " ")
    }

    /// `    55d0c0ffee symbol (/usr/lib/libc.so.6)` → the symbol's short name; of an unknown one, where it is.
    private mutating func frame(_ line: String) -> String? {
        let text = line[...].drop { $0 == " " || $0 == "\t" }
        guard let space = text.firstIndex(of: " "), text[..<space].utf8.allSatisfy(Self.isHex) else { return nil }
        let rest = text[text.index(after: space)...]
        guard rest.last == ")", let open = rest.lastIndex(of: "(") else { return nil }
        if let known = shortened[rest] { return known }
        var symbol = rest[..<open]
        while symbol.last == " " { symbol.removeLast() }
        let file = rest[rest.index(after: open)...].dropLast()
        let name = symbol.isEmpty || symbol == "[unknown]" ? Self.place(file) : SymbolName.short(String(symbol))
        if shortened.count < Self.shortenedMax { shortened[Substring(String(rest))] = name }
        return name
    }

    private static func isHex(_ byte: UInt8) -> Bool { (byte >= 48 && byte <= 57) || (byte >= 97 && byte <= 102) }

    private static func place(_ file: Substring) -> String {
        let name = file.split(separator: "/").last.map(String.init) ?? "?"
        return name.hasPrefix("[") ? name : "[\(name)]"
    }
}
