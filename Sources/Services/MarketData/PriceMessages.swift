import Foundation
import NIOCore
import Trading
import UntrustedJSON

/// What a client may say: `{"type":"subscribe","symbols":["AAPL"]}`, or `unsubscribe`.
package enum ClientMessage: Hashable {
    case subscribe([String])
    case unsubscribe([String])

    /// Nil when it is none of these.
    package init?(_ bytes: ByteBuffer) {
        guard let body = try? UntrustedJSON.decode(Body.self, from: Data(bytes.readableBytesView)) else { return nil }
        switch body.type {
        case "subscribe": self = .subscribe(body.symbols)
        case "unsubscribe": self = .unsubscribe(body.symbols)
        default: return nil
        }
    }

    private struct Body: Decodable {
        let type: String
        let symbols: [String]
    }
}

/// What the server says, as complete frames ready to be written.
enum ServerMessage {
    /// `{"type":"price","symbol":"AAPL","price":"189.25","seq":7,"ts":"2026-01-31T12:00:00.000Z"}`
    static func price(_ symbol: Symbol, _ price: PricedAt) -> ByteBuffer {
        let time = RFC3339.text(price.timestampMillis)
        return ServerFrame.text(
            Array(
                #"{"type":"price","symbol":"\#(symbol.text)","price":"\#(price.price)","seq":\#(price.seq),"ts":"\#(time)"}"#
                    .utf8))
    }

    /// `{"type":"subscribed","symbols":[…]}`: all that the connection is subscribed to now.
    static func subscribed(_ symbols: [Symbol]) -> ByteBuffer {
        let names = symbols.map { "\"\($0.text)\"" }.joined(separator: ",")
        return ServerFrame.text(Array(#"{"type":"subscribed","symbols":[\#(names)]}"#.utf8))
    }

    /// `{"type":"error","code":"unknown-symbol","detail":"…"}`: the message had no effect, the connection goes on.
    static func error(_ refusal: SubscriptionRefusal) -> ByteBuffer {
        ServerFrame.text(Array(#"{"type":"error","code":"\#(refusal.code)","detail":"\#(refusal.detail)"}"#.utf8))
    }
}

/// Why a client's message had no effect.
package enum SubscriptionRefusal: Error, Hashable {
    case malformed
    case unknownSymbol
    case tooManySymbols(max: Int)

    var code: String {
        switch self {
        case .malformed: "malformed"
        case .unknownSymbol: "unknown-symbol"
        case .tooManySymbols: "too-many-symbols"
        }
    }

    /// Holds nothing of the client's own words: they would have to be escaped.
    var detail: String {
        switch self {
        case .malformed: "send {type: subscribe or unsubscribe, symbols: [names]} as JSON"
        case .unknownSymbol: "one of the symbols is not listed; GET /v1/prices lists them"
        case .tooManySymbols(let max): "a connection may subscribe to \(max) symbols"
        }
    }
}
