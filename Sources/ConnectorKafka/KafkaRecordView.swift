import CRdKafka
import StreamRuntime

/// One record as it lies in the client's memory: nothing is copied until asked for.
///
/// Valid only inside the closure it is given to. The bytes of `key` and `value` must not outlive it either.
public struct KafkaRecordView: ~Copyable {
    let message: UnsafeMutablePointer<rd_kafka_message_t>
    public let topic: String
    public let partition: Int32
    public let offset: Int64

    init(_ message: UnsafeMutablePointer<rd_kafka_message_t>, topic: String) {
        self.message = message
        self.topic = topic
        partition = message.pointee.partition
        offset = message.pointee.offset
    }

    /// Milliseconds since 1970; `nil` when the record carries no time.
    public var timestampMillis: Int64? {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = rd_kafka_message_timestamp(message, &kind)
        return kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : Self.timestampMillis(ofRecord: time)
    }

    /// Kafka's own mark of a record without a time is -1: brokers leave it on what older producers sent. Pure.
    package static func timestampMillis(ofRecord time: Int64) -> Int64? { time == -1 ? nil : time }

    /// `nil` when the key is null, which is not the same as empty.
    public var key: UnsafeRawBufferPointer? {
        message.pointee.key.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.key_len) }
    }

    /// `nil` when the value is null (a tombstone).
    public var value: UnsafeRawBufferPointer? {
        message.pointee.payload.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.len) }
    }

    /// The value as text; bytes that are no UTF-8 are replaced. Copies.
    public var valueString: String? { value.map { String(decoding: $0, as: UTF8.self) } }
    /// The key as text; bytes that are no UTF-8 are replaced. Copies.
    public var keyString: String? { key.map { String(decoding: $0, as: UTF8.self) } }

    /// The last value under `name`. The first call for a record parses its headers.
    public func header(_ name: String) -> UnsafeRawBufferPointer? {
        guard let headers = parsedHeaders else { return nil }
        var value: UnsafeRawPointer?
        var count = 0
        guard rd_kafka_header_get_last(headers, name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return value.map { UnsafeRawBufferPointer(start: $0, count: count) }
    }

    /// All headers in order, copied; names may repeat, values may be null.
    public var headers: [(name: String, value: [UInt8]?)] {
        guard let headers = parsedHeaders else { return [] }
        var copied: [(name: String, value: [UInt8]?)] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while rd_kafka_header_get_all(headers, copied.count, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR {
            copied.append(
                (
                    name: name.map { String(cString: $0) } ?? "",
                    value: value.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
                ))
        }
        return copied
    }

    private var parsedHeaders: OpaquePointer? {
        var headers: OpaquePointer?
        return rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR ? headers : nil
    }
}

/// A record that `decode` could not read, and where it is.
public struct KafkaUndecodableRecord: UnrestartableError, CustomStringConvertible {
    public let topic: String
    public let partition: Int32
    public let offset: Int64
    public let cause: any Error

    public var description: String {
        "the record at \(topic)/\(partition) offset \(offset) does not decode: \(cause). Give the source an "
            + "onUndecodable closure to route such records, or fix the producer and restart"
    }
}
