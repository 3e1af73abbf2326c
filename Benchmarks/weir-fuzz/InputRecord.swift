import Foundation

/// The input in hand, in memory that outlives the process: a file that is mapped. One process writes, then another reads.
final class InputRecord: @unchecked Sendable {  // one thread of one process at a time
    private static let bytesMax = 1 << 20
    private static let headerBytes = 16
    private let memory: UnsafeMutableRawPointer

    /// Throws when the file cannot be made or mapped.
    init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FuzzFailure("cannot open \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let size = Self.headerBytes + Self.bytesMax
        guard ftruncate(descriptor, off_t(size)) == 0,
            let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            mapped != UnsafeMutableRawPointer(bitPattern: -1)
        else { throw FuzzFailure("cannot map \(path): \(String(cString: strerror(errno)))") }
        memory = mapped
    }

    deinit { munmap(memory, Self.headerBytes + Self.bytesMax) }

    func set(_ bytes: [UInt8], number: Int) {
        let count = min(bytes.count, Self.bytesMax)
        memory.storeBytes(of: Int64(number), as: Int64.self)
        memory.storeBytes(of: Int64(count), toByteOffset: 8, as: Int64.self)
        bytes.withUnsafeBytes { from in
            if let base = from.baseAddress { (memory + Self.headerBytes).copyMemory(from: base, byteCount: count) }
        }
    }

    var input: (number: Int, bytes: [UInt8]) {
        let count = Int(memory.load(fromByteOffset: 8, as: Int64.self))
        let bytes = UnsafeRawBufferPointer(start: memory + Self.headerBytes, count: count)
        return (Int(memory.load(as: Int64.self)), Array(bytes))
    }
}

/// The fuzzer itself cannot go on.
struct FuzzFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
