/// Little-endian bytes, appended.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<Word: FixedWidthInteger>(_ word: Word) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(blob: [UInt8]) {
        put(UInt32(blob.count))
        bytes.append(contentsOf: blob)
    }

    mutating func put(text: String) { put(blob: Array(text.utf8)) }
}

/// Reads what `ByteWriter` wrote; every length is checked.
struct ByteReader {
    struct Malformed: Error, CustomStringConvertible {
        let problem: String
        var description: String { problem }
    }

    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) throws -> Word {
        let size = MemoryLayout<Word>.size
        guard rest.count >= size else { throw Malformed(problem: "the bytes end too early") }
        let word = Word(littleEndian: rest.loadUnaligned(as: Word.self))
        rest = UnsafeRawBufferPointer(rebasing: rest[size...])
        return word
    }

    mutating func takeBlob() throws -> [UInt8] {
        let count = Int(try take(UInt32.self))
        guard rest.count >= count else { throw Malformed(problem: "the bytes end too early") }
        let blob = Array(rest[0..<count])
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        return blob
    }

    mutating func takeText() throws -> String { String(decoding: try takeBlob(), as: UTF8.self) }
}
