import Crypto
import Foundation
import Trading
import TradingStores

/// A place in a search as text that clients hand back unread. It is good for the search it came from only: with other
/// conditions it would name a place that means nothing there.
///
/// Base64url of: version (1 byte), time (8, big-endian), trade id (16), the first 8 bytes of SHA-256 over the
/// conditions. Not signed: it can only lead to another place in the user's own trades.
package enum PageCursor {
    private static let version: UInt8 = 1
    private static let bytes = 1 + 8 + 16 + 8

    package static func text(_ cursor: TradeCursor, of query: TradeQuery) -> String {
        var data = Data([version])
        withUnsafeBytes(of: cursor.executedAtMillis.bigEndian) { data.append(contentsOf: $0) }
        var id: [UInt8] = []
        cursor.tradeID.value.appendBytes(to: &id)
        data.append(contentsOf: id)
        data.append(contentsOf: fingerprint(query))
        return data.base64URL
    }

    /// Nil for a text that is no cursor of this search.
    package static func cursor(_ text: String, of query: TradeQuery) -> TradeCursor? {
        guard text.utf8.count <= 64, let data = Data(base64URL: text), data.count == bytes, data[0] == version,
            data.suffix(8).elementsEqual(fingerprint(query))
        else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { data[range].reduce(0) { $0 << 8 | UInt64($1) } }
        return TradeCursor(
            executedAtMillis: Int64(bitPattern: number(1..<9)),
            tradeID: TradeID(UUIDValue(high: number(9..<17), low: number(17..<25))))
    }

    private static func fingerprint(_ query: TradeQuery) -> [UInt8] {
        let conditions = [
            query.user.text, query.symbol?.text ?? "", query.side?.wireText ?? "", query.fromMillis.map(String.init) ?? "",
            query.toMillis.map(String.init) ?? "", query.text ?? "",
        ]
        return Array(SHA256.hash(data: Data(conditions.joined(separator: "\u{0}").utf8)).prefix(8))
    }
}
