/// What an `Authorization` header presents.
package enum BearerToken {
    /// Whether the header presents this token, as `Bearer TOKEN`; the scheme in any case, as HTTP has it.
    package static func isPresented(_ token: String, by authorization: String?) -> Bool {
        guard let words = authorization?.split(separator: " ", maxSplits: 1), words.count == 2, words[0].lowercased() == "bearer"
        else { return false }
        return ConstantTime.equal(String(words[1]), token)
    }
}

/// Comparing secrets.
public enum ConstantTime {
    /// Takes a time that does not depend on where the two differ; their lengths are no secret.
    public static func equal(_ a: String, _ b: String) -> Bool {
        let left = Array(a.utf8), right = Array(b.utf8)
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
