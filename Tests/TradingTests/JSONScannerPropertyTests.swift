import Foundation
import Testing
import Trading

/// The scanner against Foundation's parser, as an independent judge of what is JSON and what it says.
@Suite struct JSONScannerPropertyTests {
    @Test func randomValidRecordsMeanTheSame() throws {
        for seed in 0..<3_000 as Range<UInt64> {
            var writer = RandomJSON(seed: seed)
            let bytes = writer.order()
            let expected = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
            let order = try Order.decode(bytes)
            #expect(agree(order, expected), "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    /// Whatever happens to the bytes: no crash, and what is accepted is JSON that says the same.
    @Test func mutatedRecordsAreAcceptedOnlyIfTheyAreJSONOfThatShape() {
        var accepted = 0
        for seed in 0..<30_000 as Range<UInt64> {
            var writer = RandomJSON(seed: seed)
            var bytes = writer.order()
            writer.mutate(&bytes)
            let decoded = try? Order.decode(bytes)
            let judged = parse(bytes)
            if let decoded {
                accepted += 1
                #expect(agree(decoded, judged), "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            } else if let judged, hasShape(judged), isPlain(bytes) {
                Issue.record("seed \(seed): refused \(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(accepted > 1_000)
    }

    /// Foundation refuses numbers beyond a Double, which RFC 8259 allows: in unknown fields their exponents
    /// are made small first.
    private func parse(_ bytes: [UInt8]) -> [String: Any]? {
        if let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] { return object }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let tamed = text.replacing(/([0-9][eE][+-]?)[0-9]{3,}/) { "\($0.output.1)1" }
        return try? JSONSerialization.jsonObject(with: Data(tamed.utf8)) as? [String: Any]
    }

    private func agree(_ order: Order, _ object: [String: Any]?) -> Bool {
        guard let object else { return false }
        var limit: String?
        switch order.kind {
        case .market: break
        case .limit(let price): limit = price.description
        case .senseless(_, let text): limit = text
        }
        let stated = object["limitPrice"] as? String
        let statedCanonical = stated.map { (try? Price($0))?.description ?? $0 }
        return (object["orderId"] as? String).flatMap { OrderID($0) } == order.orderID
            && object["userId"] as? String == order.userID.text
            && object["symbol"] as? String == order.symbol.text
            && object["side"] as? String == (order.side == .buy ? "BUY" : "SELL")
            && object["type"] as? String == (order.kind.type == .market ? "MARKET" : "LIMIT")
            && (object["quantity"] as? NSNumber)?.int64Value == order.quantity
            && (object["placedAt"] as? NSNumber)?.int64Value == order.placedAtMillis
            && statedCanonical == limit
    }

    private func hasShape(_ object: [String: Any]) -> Bool {
        (object["orderId"] as? String).flatMap { OrderID($0) } != nil
            && (object["userId"] as? String).flatMap { UserID($0) } != nil
            && (object["symbol"] as? String).flatMap { Symbol($0) } != nil
            && ["BUY", "SELL"].contains(object["side"] as? String)
            && ["MARKET", "LIMIT"].contains(object["type"] as? String)
            && isInteger(object["quantity"]) && isInteger(object["placedAt"])
            && (object["limitPrice"] == nil || object["limitPrice"] is String || object["limitPrice"] is NSNull)
    }

    private func isInteger(_ value: Any?) -> Bool {
        guard let number = value as? NSNumber, !(value is Bool) else { return false }
        return Double(number.int64Value) == number.doubleValue && abs(number.doubleValue) < 9e15
    }

    /// Without what Foundation judges otherwise: repeated fields, fractions or exponents that happen to be
    /// whole, other encodings, a byte order mark.
    private func isPlain(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        let names = ["orderId", "userId", "symbol", "side", "type", "quantity", "placedAt", "limitPrice"]
        if bytes.contains(0) || bytes.first == 0xEF || text.contains("\\u") { return false }
        if names.contains(where: { text.components(separatedBy: "\"\($0)\"").count > 2 }) { return false }
        for name in ["quantity", "placedAt"] {
            guard let range = text.range(of: "\"\(name)\"") else { return false }
            let value = text[range.upperBound...].prefix { $0 != "," && $0 != "}" }
            if value.contains(".") || value.lowercased().contains("e") { return false }
        }
        return true
    }
}

/// Makes random orders in random JSON clothes, and damages them.
private struct RandomJSON {
    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func blank() -> String { ["", "", "", " ", "\n", "\t \r"][below(6)] }

    private mutating func string(_ text: String) -> String {
        guard below(4) == 0 else { return "\"\(text)\"" }
        let escaped = text.utf16.map { unit in
            below(2) == 0 || unit > 0x7E || unit < 0x20 || unit == 0x22 || unit == 0x5C
                ? "\\u" + String(format: "%04x", unit) : String(UnicodeScalar(UInt8(unit)))
        }
        return "\"\(escaped.joined())\""
    }

    private mutating func anyValue(_ depth: Int) -> String {
        switch below(depth > 3 ? 5 : 7) {
        case 0: return ["true", "false", "null"][below(3)]
        case 1: return "\(Int64(bitPattern: random.next()) >> Int64(below(64)))"
        case 2: return ["-0", "0.5", "1e9", "-12.25E-3", "0"][below(5)]
        case 3: return string(["é", "\u{1F600}x", "ab", "[,]", "{:}"][below(5)])
        case 4: return "\"\""
        case 5: return "[" + (0..<below(4)).map { _ in blank() + anyValue(depth + 1) + blank() }.joined(separator: ",") + "]"
        default:
            let fields = (0..<below(4)).map { "\"k\($0)\"" + blank() + ":" + anyValue(depth + 1) }
            return "{" + fields.joined(separator: ",") + "}"
        }
    }

    mutating func order() -> [UInt8] {
        let id = UUIDValue(high: random.next(), low: random.next()).description
        var fields = [
            ("orderId", string(below(2) == 0 ? id : id.uppercased())),
            ("userId", string(["a", "user-1", "U_\(below(1000))", String(repeating: "z", count: 64)][below(4)])),
            ("symbol", string(["AAPL", "BRK.B", "A", "ABCDEFGHIJKL"][below(4)])),
            ("side", string(["BUY", "SELL"][below(2)])),
            ("type", string(["MARKET", "LIMIT"][below(2)])),
            ("quantity", "\(below(2_000_000) - 1000)"),
            ("placedAt", "\(1_700_000_000_000 + below(1_000_000))"),
        ]
        switch below(4) {
        case 0: fields.append(("limitPrice", string(["189.25", "1", "0.0001", "x", "", "1.00000"][below(6)])))
        case 1: fields.append(("limitPrice", "null"))
        default: break
        }
        for index in 0..<below(4) { fields.append(("unknown\(index)", anyValue(0))) }
        fields.shuffle(using: &random)
        var text = blank() + "{"
        for (index, (name, value)) in fields.enumerated() {
            text += (index == 0 ? "" : ",") + blank() + string(name) + blank() + ":" + blank() + value + blank()
        }
        return Array((text + "}" + blank()).utf8)
    }

    mutating func mutate(_ bytes: inout [UInt8]) {
        let pool = Array("{}[]\",:\\0123456789eE+-.tfnu ".utf8) + [0, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xF4, 0xFF]
        for _ in 0..<(1 + below(2)) where !bytes.isEmpty {
            let at = below(bytes.count)
            switch below(5) {
            case 0: bytes[at] = pool[below(pool.count)]
            case 1: bytes.insert(pool[below(pool.count)], at: at)
            case 2: bytes.remove(at: at)
            case 3: bytes.removeLast(below(bytes.count))
            default:
                let end = min(bytes.count, at + below(12))
                bytes.insert(contentsOf: bytes[at..<end], at: below(bytes.count))
            }
        }
    }
}
