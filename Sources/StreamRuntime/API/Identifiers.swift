/// The stable name of an operator inside a job: it names the operator's state in checkpoints,
/// its metrics and its errors. Lower-case letters, digits, `-`, `_` and `.`; at most 100 characters.
public struct OperatorID: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let rawValue: String

    public init(_ rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { self.init(value) }

    public var description: String { rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    var isWellFormed: Bool {
        !rawValue.isEmpty && rawValue.utf8.count <= 100
            && rawValue.utf8.allSatisfy {
                ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 || $0 == 95 || $0 == 46
            }
    }
}

/// The number of one checkpoint of a job. Epoch 0 is the genesis decision of a first start.
public struct Epoch: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public static let genesis = Epoch(0)
    public var next: Epoch { Epoch(rawValue + 1) }
    public var description: String { String(rawValue) }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A job's identity, stable over restarts and resubmits: 32 hex digits.
public struct JobID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    /// `nil` unless `rawValue` is 32 lower-case hex digits.
    public init?(_ rawValue: String) {
        guard rawValue.utf8.count == 32, rawValue.utf8.allSatisfy(isLowerHexDigit) else { return nil }
        self.rawValue = rawValue
    }

    /// The id derived from a namespace and a job name (two XXH64 digests with different seeds).
    public init(namespace: String, jobName: String) {
        let text = Array("\(namespace)/\(jobName)".utf8)
        rawValue = text.withUnsafeBytes { hexDigits(XXH64.hash($0, seed: 0)) + hexDigits(XXH64.hash($0, seed: 1)) }
    }

    public var description: String { rawValue }
}

/// One run of a job between a start (or restart) and its end: 16 random hex digits, so that two runs
/// that reach the same epoch never write to the same name.
public struct AttemptID: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init?(_ rawValue: String) {
        guard rawValue.utf8.count == 16, rawValue.utf8.allSatisfy(isLowerHexDigit) else { return nil }
        self.rawValue = rawValue
    }

    public static func random() -> AttemptID {
        AttemptID(hexDigits(UInt64.random(in: .min ... .max)))!  // 16 lower-case hex digits by construction
    }

    public var description: String { rawValue }
}

/// The name of one checkpoint: written once, never reused (rule 2; docs/proof.md: reused-checkpoint-names).
public struct CheckpointID: Hashable, Sendable, CustomStringConvertible {
    public let job: JobID
    public let island: Int
    public let epoch: Epoch
    public let attempt: AttemptID

    public init(job: JobID, island: Int, epoch: Epoch, attempt: AttemptID) {
        self.job = job
        self.island = island
        self.epoch = epoch
        self.attempt = attempt
    }

    /// `job/island/epoch/attempt`.
    public var description: String { "\(job)/\(island)/\(epoch)/\(attempt)" }

    /// Reads what `description` writes; `nil` for anything else. Another epoch must be able to follow.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, let job = JobID(String(parts[0])), let island = Int(parts[1]), island >= 0,
            let epoch = UInt64(parts[2]), epoch <= UInt64(Int64.max), let attempt = AttemptID(String(parts[3]))
        else { return nil }
        self.init(job: job, island: island, epoch: Epoch(epoch), attempt: attempt)
    }
}

private func isLowerHexDigit(_ c: UInt8) -> Bool { (c >= 48 && c <= 57) || (c >= 97 && c <= 102) }

/// 16 lower-case hex digits.
package func hexDigits(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

/// Two lower-case hex digits a byte.
package func hexDigits(of bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let text: [UInt8] = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
}
