import CHostShim
import Foundation

/// Names of functions, short enough for a flame graph. Pure.
package enum SymbolName {
    package static let lengthMax = 160

    /// Of a mangled name what it says, without types; anything else as it is.
    package static func short(_ symbol: String) -> String {
        guard symbol.hasPrefix("$s") || symbol.hasPrefix("$S") || symbol.hasPrefix("_$s"), let text = demangled(symbol)
        else { return bounded(symbol) }
        return bounded(withoutTypes(text))
    }

    /// By the runtime of the process that asks, which knows the manglings of its compiler and of older ones.
    package static func demangled(_ symbol: String) -> String? {
        guard let text = swift_demangle(symbol, symbol.utf8.count, nil, nil, 0) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// `generic specialization <Int> of closure #1 (A.B) -> Int in A.run<B>(_: B, by: Int) -> ()` → `closure #1 in A.run(_:by:)`.
    package static func withoutTypes(_ text: String) -> String {
        var name = text[...]
        while let rest = withoutSpecialization(name) { name = rest }
        let plain = withoutResults(withoutArguments(withoutGenerics(name)))
        return plain.isEmpty ? text : plain
    }

    private static func bounded(_ name: String) -> String {
        name.count <= lengthMax ? name : name.prefix(lengthMax - 1) + "…"
    }

    /// `… specialization <…> of X` → X.
    private static func withoutSpecialization(_ text: Substring) -> Substring? {
        guard let word = text.range(of: "specialization <"),
            text[..<word.lowerBound].allSatisfy({ $0.isLetter || " -".contains($0) })
        else { return nil }
        var depth = 1
        var last: Character = "<"
        for index in text[word.upperBound...].indices {
            let character = text[index]
            if character == "<" { depth += 1 }
            if character == ">", last != "-" { depth -= 1 }
            last = character
            guard depth == 0 else { continue }
            let rest = text[text.index(after: index)...]
            return rest.hasPrefix(" of ") ? rest.dropFirst(4) : nil
        }
        return nil
    }

    /// Without what is in angle brackets; the text as it is when they do not pair, as with operators named `<`.
    private static func withoutGenerics(_ text: Substring) -> String {
        var kept = ""
        var depth = 0
        var last: Character = " "
        for character in text {
            defer { last = character }
            if character == "<" {
                depth += 1
            } else if character == ">", last != "-" {
                depth -= 1
                guard depth >= 0 else { return String(text) }
            } else if depth == 0 {
                kept.append(character)
            }
        }
        return depth == 0 ? kept : String(text)
    }

    /// Parentheses keep labels only: `(_: A, by: B)` → `(_:by:)`.
    private static func withoutArguments(_ text: String) -> String {
        var kept = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "(") {
            kept += rest[..<open]
            guard let close = closing(rest, from: open) else { return kept + rest[open...] }
            let inner = rest[rest.index(after: open)..<close]
            rest = rest[rest.index(after: close)...]
            if inner.hasPrefix("extension in ") {
                if rest.first == ":" { rest.removeFirst() }
            } else if let discriminator = inner.range(of: " in _") {
                kept += inner[..<discriminator.lowerBound]  // a private name
            } else if !kept.isEmpty, kept.last != " " {
                kept += labels(inner)
            } else {
                // The type of a closure, or the number of an asynchronous function's part.
                if rest.first == " ", kept.isEmpty || kept.last == " " { rest.removeFirst() }
            }
        }
        return kept + rest
    }

    private static func closing(_ text: Substring, from open: Substring.Index) -> Substring.Index? {
        var depth = 0
        for index in text[open...].indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }

    private static func labels(_ inner: Substring) -> String {
        var labels = ""
        var depth = 0
        var item = ""
        for character in String(inner) + "," {
            if "([".contains(character) { depth += 1 }
            if ")]".contains(character) { depth -= 1 }
            guard character == ",", depth == 0 else {
                item.append(character)
                continue
            }
            let words = item.split(separator: " ")
            if let label = words.first { labels += label.hasSuffix(":") ? String(label) : "_:" }
            item = ""
        }
        return "(\(labels))"
    }

    /// `f() throws -> A in g()` → `f() in g()`.
    private static func withoutResults(_ text: String) -> String {
        let parts = text.split(separator: " in ", omittingEmptySubsequences: false).map { part in
            let ends = ["->", " throws", " async", " : ", " @", " from @"].compactMap { part.range(of: $0)?.lowerBound }
            var kept = part[..<(ends.min() ?? part.endIndex)]
            while kept.last == " " { kept.removeLast() }
            return String(kept)
        }
        return parts.joined(separator: " in ")
    }
}
