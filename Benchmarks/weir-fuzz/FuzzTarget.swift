import Foundation

/// Something that reads bytes from outside, and what it needs to be tried.
struct FuzzTarget: Sendable {
    let name: String
    /// Valid inputs; the corpus and mutations of both follow.
    let examples: [[UInt8]]
    /// Words of the format, to be put in.
    let words: [String]
    /// Makes a mutated input pass the checks in front of the decoder (checksums, lengths), which would hide it otherwise.
    let mend: @Sendable (inout [UInt8]) -> Void
    /// Must return, or throw what says what is wrong: not trap, hang, or need far more memory than the input has bytes.
    let read: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String, examples: [[UInt8]], words: [String] = [], mend: @escaping @Sendable (inout [UInt8]) -> Void = { _ in },
        read: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.examples = examples
        self.words = words
        self.mend = mend
        self.read = read
    }

    /// The same for formats that are text.
    init(_ name: String, texts: [String], words: [String] = [], read: @escaping @Sendable (String) throws -> Void) {
        self.init(name, examples: texts.map { Array($0.utf8) }, words: words) { try read(String(decoding: $0, as: UTF8.self)) }
    }

    /// `folder`: for the files of those that read files; theirs alone.
    static func all(_ folder: String) throws -> [FuzzTarget] {
        try checkpoints() + state() + log(folder) + records() + settings(folder) + requests() + sockets() + [selfTest]
    }

    /// Not tried unless it is named.
    static let selfTestName = "self-test"

    /// Fails in each way that a decoder can, if the input says so: for the test of the fuzzer itself.
    private static let selfTest = FuzzTarget(selfTestName, examples: [Array("quiet".utf8)], words: []) { bytes in
        switch String(decoding: bytes, as: UTF8.self) {
        case "trap": _ = bytes[bytes.count + 1]
        case "hang": while !bytes.isEmpty { usleep(1000) }
        case "memory":
            var hoard: [[UInt8]] = []
            while hoard.count < 1 << 20 { hoard.append([UInt8](repeating: 1, count: 1 << 20)) }
            throw Broken("\(hoard.count) MiB could be had")
        case "recursion": throw Broken("\(depth(0))")
        case "broken": throw Broken("as it was asked for")
        default: return
        }
    }

    /// Two operations wait for each call's return, so that no optimizer makes a loop of it.
    private static func depth(_ level: Int) -> Int { level < .max ? (depth(level + 1) &* 31) ^ level : 0 }
}

/// A decoder that returned and yet did wrong: what it read does not survive being written and read again, for one.
struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension FuzzTarget {
    /// What was read is the same again after writing and reading it.
    static func requireSame<Value: Equatable>(_ first: Value, _ again: Value?) throws {
        if first != again { throw Broken("\(first) became \(again.map { "\($0)" } ?? "nothing") by being written and read") }
    }
}
