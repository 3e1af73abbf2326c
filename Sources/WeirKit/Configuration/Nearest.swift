/// Finds the word a user most likely meant.
public enum Nearest {
    /// The candidate with the smallest edit distance, if it is small against the word's length; the first
    /// in order wins a tie.
    public static func match(_ word: String, among candidates: some Sequence<String>) -> String? {
        let limit = max(2, word.count / 3)
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            let distance = self.distance(word.lowercased(), candidate.lowercased())
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// Damerau–Levenshtein: inserts, deletes, replacements, and swaps of neighbours cost one each. Words
    /// are cut at 100 characters: a key is no longer, and the cost is quadratic.
    static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first.prefix(100)), b = Array(second.prefix(100))
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }

    /// ` Did you mean 'x'?`, or nothing.
    package static func suggestion(_ word: String, among candidates: some Sequence<String>) -> String {
        match(word, among: candidates).map { " Did you mean '\($0)'?" } ?? ""
    }
}
