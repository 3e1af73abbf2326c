import CRocksDB

/// A failed call to RocksDB: what was tried, on which file or folder, and what the library said.
public struct RocksDBError: Error, CustomStringConvertible {
    public let operation: String
    public let path: String
    public let message: String

    public init(_ operation: String, _ path: String, _ message: String) {
        self.operation = operation
        self.path = path
        self.message = message
    }

    public var description: String { "RocksDB cannot \(operation) \(path): \(message)" }
}

/// Calls a function of the C API that reports failure through its last argument.
@inline(__always)
func rocks<R>(
    _ operation: @autoclosure () -> String, _ path: @autoclosure () -> String,
    _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) throws -> R
) throws -> R {
    var message: UnsafeMutablePointer<CChar>?
    let result = try call(&message)
    if let message {
        defer { rocksdb_free(message) }
        throw RocksDBError(operation(), path(), String(cString: message))
    }
    return result
}

extension UnsafeRawBufferPointer {
    /// As the C API takes bytes.
    var chars: UnsafePointer<CChar>? { baseAddress?.assumingMemoryBound(to: CChar.self) }
}
