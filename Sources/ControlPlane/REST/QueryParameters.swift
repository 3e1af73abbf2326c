import Hummingbird
import WeirKit

extension Request {
    /// A query parameter's comma-separated words; `nil` when it is not there.
    func words(_ name: String) -> Set<String>? { uri.queryParameters[name[...]].map { QueryList.words($0) } }

    /// A query parameter's comma-separated words of one set, in whatever case; `nil` when it is not there. Throws
    /// `ControlError` for another word.
    func words(_ name: String, of known: Set<String>) throws -> Set<String>? {
        let given = words(name).map { Set($0.map { $0.lowercased() }) }
        if let unknown = given?.subtracting(known).min() {
            throw ControlError(.badRequest, "\(name): '\(unknown)' is none of \(known.sorted().joined(separator: ", "))")
        }
        return given
    }

    /// A query parameter's numbers and ranges of them, as in `1,3,5-9`; `nil` when it is not there. Throws `ControlError`.
    func ranges(_ name: String) throws -> NumberRanges? {
        try words(name).map { words in
            guard let ranges = NumberRanges(words) else {
                throw ControlError(.badRequest, "\(name): numbers and ranges of them are read here, as in 1,3,5-9")
            }
            return ranges
        }
    }
}

/// Numbers as Flink's clients list them: each by itself or `first-last`. Pure.
package struct NumberRanges: Sendable {
    private let ranges: [ClosedRange<Int>]

    /// `nil`: one of the words is neither.
    package init?(_ words: Set<String>) {
        var ranges: [ClosedRange<Int>] = []
        for word in words {
            let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first <= last else { return nil }
            ranges.append(first...last)
        }
        self.ranges = ranges
    }

    package func contains(_ number: Int) -> Bool { ranges.contains { $0.contains(number) } }
}

/// A query parameter's list. Pure.
package enum QueryList {
    /// What is between commas; those in the braces of a series' labels part nothing, so that what was listed can be asked for.
    package static func words(_ text: Substring) -> Set<String> {
        var words: Set<String> = []
        var word = ""
        var (isInLabels, isQuoted) = (false, false)
        func end() {
            if !word.isEmpty { words.insert(word) }
            word = ""
        }
        for character in text {
            switch character {
            case "\"" where isInLabels: isQuoted.toggle()
            case "{" where !isQuoted: isInLabels = true
            case "}" where !isQuoted: isInLabels = false
            case "," where !isInLabels:
                end()
                continue
            default: break
            }
            word.append(character)
        }
        end()
        return words
    }
}
