import Foundation

/// Why something failed, in the shape of Flink's `failure-cause`:
///
///     {"class": …, "stack-trace": …, "serialized-throwable": …}
///
/// People and other clients read the first two; of these `stack-trace` is the reason, since Swift's errors carry no stack.
/// Flink's Java clients read only the third, and end with a NullPointerException where it is missing: the Base64 text of an
/// `org.apache.flink.util.SerializedThrowable` in Java's serialized form (Java Object Serialization Specification, chapter 6).
/// We write one with the class, the reason as its message, and both for its stack trace. It has no cause, no frames, and no
/// original exception to be restored, which Flink takes for one that could not be serialized: the client then shows this one.
/// Pure.
package enum FlinkThrowable {
    package static func json(class name: String, _ reason: String) -> JSON {
        let bytes = JavaObjectStream.serializedThrowable(class: name, message: reason)
        return [
            "class": JSON(name), "stack-trace": JSON(reason), "serialized-throwable": JSON(Data(bytes).base64EncodedString()),
        ]
    }
}

/// As much of Java's object serialization as a throwable needs. Fields that the stream leaves out are null for the reader.
private struct JavaObjectStream {
    private enum Code {
        static let null: UInt8 = 0x70
        static let classDescription: UInt8 = 0x72
        static let object: UInt8 = 0x73
        static let string: UInt8 = 0x74
        static let endOfBlock: UInt8 = 0x78
        static let longString: UInt8 = 0x7C
    }
    private enum Flags {
        static let serializable: UInt8 = 2
        /// The class writes itself: its fields are followed by the end of a block.
        static let serializableWithWriter: UInt8 = 3
    }

    private var bytes: [UInt8] = [0xAC, 0xED, 0, 5]

    static func serializedThrowable(class name: String, message: String) -> [UInt8] {
        var stream = JavaObjectStream()
        stream.bytes.append(Code.object)
        // The version numbers are the ones that the classes declare; they have been the same ever since.
        stream.describe(
            "org.apache.flink.util.SerializedThrowable", version: 7_284_183_123_441_947_635, Flags.serializable,
            strings: ["fullStringifiedStackTrace", "originalErrorClassName"])
        stream.describe("java.lang.Exception", version: -3_387_516_993_124_229_948, Flags.serializable, strings: [])
        stream.describe(
            "java.lang.Throwable", version: -3_042_686_055_658_047_285, Flags.serializableWithWriter, strings: ["detailMessage"])
        stream.bytes.append(Code.null)
        // What the fields hold, from the topmost class down.
        stream.write(string: message)
        stream.bytes.append(Code.endOfBlock)
        stream.write(string: "\(name): \(message)")
        stream.write(string: name)
        return stream.bytes
    }

    /// A class whose fields are strings, in the order of their names. Its superclass follows.
    private mutating func describe(_ name: String, version: Int64, _ flags: UInt8, strings fields: [String]) {
        bytes.append(Code.classDescription)
        write(short: Self.modifiedUTF8(name))
        write(UInt64(bitPattern: version), bytes: 8)
        bytes.append(flags)
        write(UInt64(fields.count), bytes: 2)
        for field in fields {
            bytes.append(UInt8(ascii: "L"))
            write(short: Self.modifiedUTF8(field))
            write(string: "Ljava/lang/String;")
        }
        bytes.append(Code.endOfBlock)
    }

    private mutating func write(string: String) {
        let text = Self.modifiedUTF8(string)
        if text.count <= Int(UInt16.max) {
            bytes.append(Code.string)
            write(short: text)
        } else {
            bytes.append(Code.longString)
            write(UInt64(text.count), bytes: 8)
            bytes += text
        }
    }

    private mutating func write(short text: [UInt8]) {
        write(UInt64(text.count), bytes: 2)
        bytes += text
    }

    /// Big-endian.
    private mutating func write(_ value: UInt64, bytes count: Int) {
        for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }

    /// Java's own: each unit of UTF-16 by itself, and no zero byte.
    private static func modifiedUTF8(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        for unit in text.utf16 {
            switch unit {
            case 0x01...0x7F: result.append(UInt8(unit))
            case 0x00, 0x80...0x7FF: result += [0xC0 | UInt8(unit >> 6), 0x80 | UInt8(unit & 0x3F)]
            default: result += [0xE0 | UInt8(unit >> 12), 0x80 | UInt8(unit >> 6 & 0x3F), 0x80 | UInt8(unit & 0x3F)]
            }
        }
        return result
    }
}
