import NIOCore
import StreamRuntime

/// The body of a `_bulk` request, action by action.
package struct BulkBody {
    package private(set) var bytes = ByteBuffer()
    package private(set) var count = 0

    package init() {}

    /// Adds `create` of a document, which is JSON without line ends.
    package mutating func create(index: String, id: String, document: [UInt8]) {
        bytes.writeString("{\"create\":{\"_index\":")
        bytes.writeJSON(index)
        bytes.writeString(",\"_id\":")
        bytes.writeJSON(id)
        bytes.writeString("}}\n")
        bytes.writeBytes(document)
        bytes.writeString("\n")
        count += 1
    }
}

extension ByteBuffer {
    /// A JSON text with its quotes.
    fileprivate mutating func writeJSON(_ text: String) {
        writeInteger(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): writeBytes([UInt8(ascii: "\\"), byte])
            case 0..<0x20: writeString("\\u00" + hexDigits(of: [byte]))
            default: writeInteger(byte)
            }
        }
        writeInteger(UInt8(ascii: "\""))
    }
}
