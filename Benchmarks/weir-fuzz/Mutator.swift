import StreamRuntime

/// Changes inputs in ways that decoders are known to stumble over. Pure: a seed gives the same inputs.
struct Mutator {
    static let bytesMax = 16 << 10

    private var random: SeededGenerator
    private let corpus: [[UInt8]]
    private let words: [[UInt8]]

    init(seed: UInt64, corpus: [[UInt8]], words: [String]) {
        random = SeededGenerator(seed: seed)
        self.corpus = corpus
        self.words = words.map { Array($0.utf8) }
    }

    mutating func next() -> [UInt8] {
        var bytes = corpus.randomElement(using: &random) ?? []
        // Mostly a few changes: an input that differs everywhere is refused at its first byte.
        for _ in 0..<(1 << number(in: 0...3)) { change(&bytes) }
        return Array(bytes.prefix(Self.bytesMax))
    }

    private mutating func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func place(in bytes: [UInt8]) -> Int { number(in: 0...bytes.count) }
    private mutating func span(in bytes: [UInt8]) -> Range<Int> {
        let start = place(in: bytes)
        return start..<min(bytes.count, start + number(in: 0...32))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        switch number(in: 0...13) {
        case 0 where !bytes.isEmpty: bytes[number(in: 0...(bytes.count - 1))] ^= 1 << UInt8(number(in: 0...7))
        case 1 where !bytes.isEmpty: bytes[number(in: 0...(bytes.count - 1))] = UInt8(number(in: 0...255))
        case 2: bytes.removeSubrange(span(in: bytes))
        case 3: bytes.removeLast(bytes.count - place(in: bytes))
        case 4: bytes.insert(contentsOf: (0..<number(in: 1...8)).map { _ in UInt8(number(in: 0...255)) }, at: place(in: bytes))
        case 5: bytes.insert(contentsOf: bytes[span(in: bytes)], at: place(in: bytes))
        case 6, 7: overwrite(&bytes, with: fixedInteger())
        case 8: bytes.insert(contentsOf: variableInteger(), at: place(in: bytes))
        case 9: replaceDigits(&bytes)
        case 10, 11:
            let word = words.randomElement(using: &random) ?? fixedInteger()
            bytes.replaceSubrange(number(in: 0...1) == 0 ? span(in: bytes) : bytes.count..<bytes.count, with: word)
        case 12:
            guard let other = corpus.randomElement(using: &random) else { return }
            bytes.replaceSubrange(place(in: bytes)..., with: other[place(in: other)...])
        default: repeatOften(&bytes)
        }
    }

    private static let limits: [UInt64] = [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
        UInt64(Int64.max), 1 << 63, .max - 1, .max,
    ]

    private mutating func limit() -> UInt64 { Self.limits.randomElement(using: &random) ?? 0 }

    private mutating func fixedInteger() -> [UInt8] {
        let value = limit()
        let width = [1, 2, 4, 8].randomElement(using: &random) ?? 8
        let little = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        return number(in: 0...1) == 0 ? little : little.reversed()
    }

    private mutating func variableInteger() -> [UInt8] {
        var writer = ByteWriter()
        writer.varint(limit())
        return writer.bytes
    }

    private mutating func overwrite(_ bytes: inout [UInt8], with new: [UInt8]) {
        let start = place(in: bytes)
        bytes.replaceSubrange(start..<min(bytes.count, start + new.count), with: new)
    }

    /// A number in a text becomes another one.
    private mutating func replaceDigits(_ bytes: inout [UInt8]) {
        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        let start = place(in: bytes)
        guard let first = bytes[start...].firstIndex(where: isDigit) else { return }
        let end = bytes[first...].firstIndex { !isDigit($0) } ?? bytes.count
        let texts = ["-\(limit())", "\(limit())", "\(Int64.min)", "18446744073709551616", "1e999", "0.1", "00", "-0"]
        bytes.replaceSubrange(first..<end, with: Array((texts.randomElement(using: &random) ?? "0").utf8))
    }

    /// A byte or a few, so often that whoever recurses for each runs out of stack.
    private mutating func repeatOften(_ bytes: inout [UInt8]) {
        let start = place(in: bytes)
        let piece = Array(bytes[start..<min(bytes.count, start + number(in: 1...4))])
        guard !piece.isEmpty else { return }
        let times = number(in: 0...9) == 0 ? Self.bytesMax / piece.count : number(in: 2...64)
        bytes.insert(contentsOf: repeatElement(piece, count: times).joined(), at: start)
    }
}
