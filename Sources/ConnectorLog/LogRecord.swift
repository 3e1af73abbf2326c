/// A record with bytes of its own: what tools and tests append, and what `LogRecordView.copy()` makes.
public struct LogRecord: Sendable, Hashable {
    public struct Header: Sendable, Hashable {
        public var name: String
        public var value: [UInt8]
        public init(_ name: String, _ value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    public var topic: String
    /// `nil` on append: chosen by the key (Kafka's murmur2), or in turn without one.
    public var partition: Int32?
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var headers: [Header]
    /// `nil` on append: the time of the append.
    public var timestampMillis: Int64?
    /// Set on records that were read; ignored on append.
    public var offset: Int64?

    public init(
        topic: String, partition: Int32? = nil, key: [UInt8]? = nil, value: [UInt8]?, headers: [Header] = [],
        timestampMillis: Int64? = nil, offset: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestampMillis = timestampMillis
        self.offset = offset
    }

    /// A record whose key and value are text.
    public init(topic: String, key: String? = nil, text: String, timestampMillis: Int64? = nil) {
        self.init(
            topic: topic, key: key.map { Array($0.utf8) }, value: Array(text.utf8), timestampMillis: timestampMillis)
    }
}

/// A record as it lies in the reader's buffer: nothing is copied.
///
/// Valid only until the call it was handed to returns; `copy()` what is to be kept.
public struct LogRecordView {
    public let topic: String
    public let partition: Int32
    public let offset: Int64
    public let timestampMillis: Int64
    public let key: UnsafeRawBufferPointer?
    public let value: UnsafeRawBufferPointer?
    public let headerCount: Int
    let headerBytes: UnsafeRawBufferPointer

    init(
        topic: String, partition: Int32, offset: Int64, timestampMillis: Int64, key: UnsafeRawBufferPointer?,
        value: UnsafeRawBufferPointer?, headerCount: Int, headerBytes: UnsafeRawBufferPointer
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestampMillis = timestampMillis
        self.key = key
        self.value = value
        self.headerCount = headerCount
        self.headerBytes = headerBytes
    }

    /// Calls `body` for each header in order, until it returns false.
    public func forEachHeader(
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Bool
    ) rethrows {
        var rest = headerBytes
        for _ in 0..<headerCount {
            guard rest.count >= RecordLayout.headerPrefixBytes, let base = rest.baseAddress else { return }
            let nameBytes = Int(UnsafeRawPointer(base).word(0, as: UInt16.self))
            let valueBytes = Int(UnsafeRawPointer(base).word(2, as: UInt32.self))
            let end = RecordLayout.headerPrefixBytes + nameBytes + valueBytes
            guard end <= rest.count else { return }
            let name = UnsafeRawBufferPointer(start: base + RecordLayout.headerPrefixBytes, count: nameBytes)
            let value = UnsafeRawBufferPointer(
                start: base + RecordLayout.headerPrefixBytes + nameBytes, count: valueBytes)
            guard try body(name, value) else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[end...])
        }
    }

    /// The value of the first header called `name`.
    public func header(_ name: String) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        forEachHeader { candidate, value in
            guard candidate.elementsEqual(name.utf8) else { return true }
            found = value
            return false
        }
        return found
    }

    /// The key as text; `nil` when absent. Invalid UTF-8 is repaired.
    public var keyText: String? { key.map { String(decoding: $0, as: UTF8.self) } }

    /// The value as text; `nil` when absent. Invalid UTF-8 is repaired.
    public var valueText: String? { value.map { String(decoding: $0, as: UTF8.self) } }

    public func copy() -> LogRecord {
        var headers: [LogRecord.Header] = []
        forEachHeader { name, value in
            headers.append(.init(String(decoding: name, as: UTF8.self), Array(value)))
            return true
        }
        return LogRecord(
            topic: topic, partition: partition, key: key.map { Array($0) }, value: value.map { Array($0) },
            headers: headers, timestampMillis: timestampMillis, offset: offset)
    }
}
