import Trading

/// An order and when it may be forgotten, as the embedded ledger keeps it.
struct StoredOrder {
    private static let layoutVersion: UInt8 = 1

    let order: Order
    let expiresAtMillis: Int64

    /// The stored form: the expiry where `ExpiryFilter` looks for it, then the order's JSON.
    func encodeBinary() -> [UInt8] {
        var writer = BinaryWriter(version: Self.layoutVersion, reservingBytes: 320)
        writer.int64(expiresAtMillis)
        writer.text(String(decoding: order.encoded(), as: UTF8.self))
        return writer.bytes
    }

    /// Reads the stored form. `bytes` are not kept.
    static func decodeBinary(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> StoredOrder {
        var reader = try BinaryReader(bytes, version: layoutVersion)
        let expiresAtMillis = try reader.int64()
        let order = try Order.decode(Array(try reader.text().utf8))
        try reader.expectEnd()
        return StoredOrder(order: order, expiresAtMillis: expiresAtMillis)
    }
}

extension OrderRequest {
    private static let layoutVersion: UInt8 = 1

    /// The stored form: the expiry where `ExpiryFilter` looks for it.
    func encodeBinary() -> [UInt8] {
        var writer = BinaryWriter(version: OrderRequest.layoutVersion, reservingBytes: 128)
        writer.int64(expiresAtMillis)
        writer.uuid(orderID.value)
        writer.text(hash.text)
        writer.byte(state == .published ? 1 : 0)
        return writer.bytes
    }

    /// Reads the stored form. `bytes` are not kept.
    static func decodeBinary(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> OrderRequest {
        var reader = try BinaryReader(bytes, version: layoutVersion)
        let expiresAtMillis = try reader.int64()
        let orderID = OrderID(try reader.uuid())
        guard let hash = RequestHash(try reader.text()) else { throw reader.failure() }
        let state: State
        switch try reader.byte() {
        case 0: state = .pending
        case 1: state = .published
        default: throw reader.failure()
        }
        try reader.expectEnd()
        return OrderRequest(orderID: orderID, hash: hash, state: state, expiresAtMillis: expiresAtMillis)
    }
}
