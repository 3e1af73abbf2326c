import StreamRuntime
import TraceContext
import Trading
import TradingStores

/// An order and the record that carried it. Kept in checkpoints while its execution is in flight.
public struct IncomingOrder: Sendable, Equatable {
    public let order: Order
    public let position: SourcePosition
    /// The trace the order was placed in.
    public let trace: TraceHeaders

    public init(order: Order, position: SourcePosition, trace: TraceHeaders = .none) {
        self.order = order
        self.position = position
        self.trace = trace
    }
}

extension IncomingOrder: StateCodable {
    public static var stateSchema: String { "incoming-order-2" }

    public func encode(into writer: inout ByteWriter) {
        writer.string(position.topic)
        writer.integer(position.partition)
        writer.integer(position.offset)
        writer.sized(order.encoded())
        trace.encode(into: &writer)
    }

    public init(from reader: inout ByteReader) throws {
        let topic = try reader.string()
        let partition = try reader.integer(Int32.self)
        let offset = try reader.integer(Int64.self)
        let order = try Order.decode(try reader.sized())
        self.init(
            order: order, position: SourcePosition(topic: topic, partition: partition, offset: offset),
            trace: try TraceHeaders(from: &reader))
    }
}

/// What a record of the orders topic turned out to be.
enum OrderArrival: Sendable {
    case order(IncomingOrder)
    case undecodable(DeadLetter)

    /// - Parameter consumer: the job's consumer group.
    init(_ record: IncomingRecord, _ consumer: String) {
        do {
            let order = try Order.decode(record.bytes)
            self = .order(
                IncomingOrder(
                    order: order,
                    position: SourcePosition(topic: record.topic, partition: record.partition, offset: record.offset),
                    trace: record.trace))
        } catch {
            self = .undecodable(record.deadLetter(.undecodable, error, consumer))
        }
    }
}

extension UserID: StreamKey {
    public static var stateSchema: String { "user-id" }
    public var stableHash: UInt64 { text.stableHash }
    public func tableHash(seed: UInt64) -> UInt64 { text.tableHash(seed: seed) }
    public func encode(into writer: inout ByteWriter) { writer.string(text) }

    public init(from reader: inout ByteReader) throws {
        let text = try reader.string()
        guard let user = UserID(text) else { throw StateDecodingError("'\(text)' is no user id") }
        self = user
    }
}

extension Portfolio: StateCodable {
    public static var stateSchema: String { "portfolio-1" }
    public func encode(into writer: inout ByteWriter) { writer.sized(encodeBinary()) }
    public init(from reader: inout ByteReader) throws { self = try Portfolio.decodeBinary(try reader.sized()) }
}
