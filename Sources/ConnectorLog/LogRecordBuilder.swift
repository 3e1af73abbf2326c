/// Where a sink's `encode` puts one record together. The same builder is used for every record of a
/// writer and starts each one empty, with the sink's topic set: no allocation per record.
///
/// Owned by the writer's task thread; do not keep it.
public struct LogRecordBuilder {
    /// The topic the record goes to; the sink's own unless set.
    public var topic: String
    /// Set to choose the partition; otherwise the key decides (Kafka's murmur2), or without a key the
    /// partitions take turns.
    public var partition: Int32?
    /// Milliseconds since 1970; the time of writing unless set.
    public var timestampMillis: Int64?
    /// Set to drop the record: nothing is written for this element.
    public var isSkipped = false

    let keyBuffer = RawBuffer(capacity: 64)
    let valueBuffer = RawBuffer(capacity: 512)
    let headerBuffer = RawBuffer(capacity: 256)
    private(set) var hasKey = false
    private(set) var hasValue = false
    private(set) var headerCount = 0

    init(topic: String) { self.topic = topic }

    mutating func reset(topic: String) {
        self.topic = topic
        partition = nil
        timestampMillis = nil
        isSkipped = false
        hasKey = false
        hasValue = false
        headerCount = 0
        keyBuffer.count = 0
        valueBuffer.count = 0
        headerBuffer.count = 0
    }

    public mutating func setKey(_ bytes: UnsafeRawBufferPointer) {
        keyBuffer.count = 0
        keyBuffer.append(bytes)
        hasKey = true
    }

    public mutating func setKey(_ bytes: [UInt8]) { bytes.withUnsafeBytes { setKey($0) } }

    public mutating func setKey(_ text: String) {
        var text = text
        text.withUTF8 { setKey(UnsafeRawBufferPointer($0)) }
    }

    public mutating func setValue(_ bytes: UnsafeRawBufferPointer) {
        valueBuffer.count = 0
        appendValue(bytes)
    }

    public mutating func setValue(_ bytes: [UInt8]) { bytes.withUnsafeBytes { setValue($0) } }

    public mutating func setValue(_ text: String) {
        var text = text
        text.withUTF8 { setValue(UnsafeRawBufferPointer($0)) }
    }

    /// Adds to the value, for encoders that make it piece by piece.
    public mutating func appendValue(_ bytes: UnsafeRawBufferPointer) {
        valueBuffer.append(bytes)
        hasValue = true
    }

    /// The name's first 65 535 bytes count.
    public mutating func addHeader(_ name: String, _ value: UnsafeRawBufferPointer) {
        var name = name
        name.withUTF8 { text in
            let text = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text).prefix(Int(UInt16.max)))
            headerBuffer.append(UInt16(text.count))
            headerBuffer.append(UInt32(value.count))
            headerBuffer.append(text)
            headerBuffer.append(value)
        }
        headerCount += 1
    }

    public mutating func addHeader(_ name: String, _ value: [UInt8]) {
        value.withUnsafeBytes { addHeader(name, $0) }
    }

    public mutating func addHeader(_ name: String, _ value: String) {
        var value = value
        value.withUTF8 { addHeader(name, UnsafeRawBufferPointer($0)) }
    }

    /// The bytes of the finished record in a frame.
    var encodedBytes: Int {
        RecordLayout.headerBytes + keyBuffer.count + valueBuffer.count + headerBuffer.count
    }

    /// Appends the finished record to `target`.
    func write(to target: RawBuffer, timestampMillis: Int64) {
        let total = encodedBytes
        target.reserve(total)
        let at = target.base + target.count
        at.storeBytes(of: UInt32(total).littleEndian, as: UInt32.self)
        let keyWord = hasKey ? UInt32(keyBuffer.count) : RecordLayout.absent
        let valueWord = hasValue ? UInt32(valueBuffer.count) : RecordLayout.absent
        at.storeBytes(of: keyWord.littleEndian, toByteOffset: 4, as: UInt32.self)
        at.storeBytes(of: valueWord.littleEndian, toByteOffset: 8, as: UInt32.self)
        at.storeBytes(of: UInt32(headerCount).littleEndian, toByteOffset: 12, as: UInt32.self)
        at.storeBytes(of: timestampMillis.littleEndian, toByteOffset: 16, as: Int64.self)
        target.count += RecordLayout.headerBytes
        target.append(keyBuffer.bytes)
        target.append(valueBuffer.bytes)
        target.append(headerBuffer.bytes)
    }

    mutating func set(_ record: LogRecord) {
        reset(topic: record.topic)
        partition = record.partition
        timestampMillis = record.timestampMillis
        if let key = record.key { setKey(key) }
        if let value = record.value { setValue(value) }
        for header in record.headers { addHeader(header.name, header.value) }
    }
}
