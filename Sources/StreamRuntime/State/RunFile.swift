import Foundation

/// A run: entries grouped by key group. Format 1 (checkpoints/README.md):
///
///     "WEIRRUN1"
///     per key group in ascending order, its entries:
///         key length (LEB128), key bytes, value length + 1 (LEB128; 0 = removed), value bytes
///     index: per key group: group (u32), offset (u64), bytes (u64)   -- little-endian
///     index offset (u64), number of groups (u32), "WEIREND1"
struct RunFile {
    private static let magic = Array("WEIRRUN1".utf8)
    private static let endMagic = Array("WEIREND1".utf8)
    private static let footerBytes = 20
    /// Two lengths and a key of nothing but its header.
    static let entryBytesMin = 2 + StateKeyLayout.headerBytes

    private let data: Data
    private let path: String
    private var sections: [Int: Range<Int>] = [:]

    /// Checks size, checksum and structure.
    init(_ file: CheckpointFile, in files: any CheckpointFiles) throws {
        path = file.path
        data = try files.contents(of: file)
        let hash = data.withUnsafeBytes { hexDigits(XXH64.hash($0)) }
        guard hash == file.hash else {
            throw RunFile.damage(file.path, "has checksum \(hash), the manifest says \(file.hash)")
        }
        sections = try data.withUnsafeBytes { try Self.index($0, file.path) }
    }

    private static func index(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> [Int: Range<Int>] {
        guard bytes.count >= magic.count + footerBytes, bytes.prefix(8).elementsEqual(magic),
            bytes.suffix(8).elementsEqual(endMagic)
        else { throw damage(path, "is not a run file") }
        var footer = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - footerBytes)...]))
        let offset = try footer.integer(UInt64.self)
        let count = try footer.integer(UInt32.self)
        guard offset <= UInt64(bytes.count - footerBytes) else { throw damage(path, "has an index outside the file") }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<bytes.count - footerBytes]))
        var sections: [Int: Range<Int>] = [:]
        for _ in 0..<count {
            let group = Int(try reader.integer(UInt32.self))
            let start = try reader.integer(UInt64.self)
            let length = try reader.integer(UInt64.self)
            guard start <= offset, length <= offset - start else {
                throw damage(path, "has a section outside the file")
            }
            sections[group] = Int(start)..<Int(start + length)
        }
        return sections
    }

    static func damage(_ path: String, _ what: String) -> RecoveryRefusal {
        RecoveryRefusal(
            "checkpoint file \(path) \(what)",
            remedy: "Start from an older checkpoint (weir checkpoints list), or restore the file.")
    }

    /// Every entry of a group; `value` is `nil` for a removal.
    func forEach(group: Int, _ body: (StateKeyBytes, UnsafeRawBufferPointer?) throws -> Void) throws {
        guard let section = sections[group] else { return }
        try data.withUnsafeBytes { bytes in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[section]))
            while reader.remaining > 0 {
                let key = try reader.sized()
                guard key.count >= StateKeyLayout.headerBytes else { throw Self.damage(path, "has a key without header") }
                let marker = try reader.varint()
                guard marker <= UInt64(reader.remaining) + 1 else { throw Self.damage(path, "has a value past its section") }
                try body(key, marker == 0 ? nil : try reader.raw(Int(marker) - 1))
            }
        }
    }

    /// Removals included.
    func countEntries() throws -> Int {
        var count = 0
        for group in sections.keys { try forEach(group: group) { _, _ in count += 1 } }
        return count
    }

    /// The live entries of one group over several runs, the newest winning.
    static func merge(
        _ runs: [RunFile], group: Int, _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        if runs.count == 1 {
            return try runs[0].forEach(group: group) { key, value in
                if let value { try body(key, value) }
            }
        }
        var latest: [[UInt8]: [UInt8]?] = [:]
        for run in runs {
            try run.forEach(group: group) { key, value in latest[Array(key)] = .some(value.map(Array.init)) }
        }
        for (key, value) in latest {
            guard let value else { continue }
            try key.withUnsafeBytes { key in try value.withUnsafeBytes { try body(key, $0) } }
        }
    }

    // MARK: Writing

    /// Changes of an epoch as a new run.
    static func write(
        _ name: String, _ changes: [any StateChanges], _ count: Int, _ keyGroups: Range<Int>, _ files: any CheckpointFiles
    ) throws -> CheckpointFile {
        var groups = GroupedChanges(keyGroups, expectedBytes: count * 24)
        for change in changes { change.encode(into: &groups) }
        try groups.check()
        return try files.write(name) { file in
            var writer = try Writer(&file)
            try groups.forEachGroup { group, bytes in try writer.section(group, &file) { try $0.write(bytes) } }
            try writer.finish(&file)
        }
    }

    static func merge(
        _ runs: [RunFile], into name: String, _ keyGroups: Range<Int>, _ files: any CheckpointFiles
    ) throws -> CheckpointFile {
        try files.write(name) { file in
            var writer = try Writer(&file)
            for group in keyGroups {
                var scratch = ByteWriter(capacity: 1 << 16)
                try merge(runs, group: group) { key, value in
                    scratch.sized(key)
                    scratch.varint(UInt64(value.count) + 1)
                    scratch.raw(value)
                }
                try writer.section(group, &file) { file in try scratch.withBytes { try file.write($0) } }
            }
            try writer.finish(&file)
        }
    }

    struct Writer: ~Copyable {
        private var index: [(group: Int, start: Int, length: Int)] = []
        private var scratch = ByteWriter(capacity: 1 << 16)

        init(_ file: inout CheckpointFileWriter) throws { try file.write(magic) }

        mutating func section(
            _ group: Int, _ file: inout CheckpointFileWriter, _ fill: (inout CheckpointFileWriter) throws -> Void
        ) throws {
            let start = file.offset
            try fill(&file)
            if file.offset > start { index.append((group, start, file.offset - start)) }
        }

        mutating func finish(_ file: inout CheckpointFileWriter) throws {
            let offset = file.offset
            for entry in index {
                scratch.integer(UInt32(entry.group))
                scratch.integer(UInt64(entry.start))
                scratch.integer(UInt64(entry.length))
            }
            scratch.integer(UInt64(offset))
            scratch.integer(UInt32(index.count))
            scratch.raw(endMagic)
            try file.write(scratch.bytes)
        }
    }
}
