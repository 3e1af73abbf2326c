import Trading

/// The words a trade is found by, and those a search asks for: one rule for every store. A word is a run of letters and
/// digits, in lower case; a trade's are those of its symbol, its side, its id and its order's id.
package enum TradeWords {
    /// More words in one search are not looked at.
    package static let queryMax = 16

    package static func of(_ trade: Trade) -> [String] {
        words("\(trade.symbol) \(trade.side == .buy ? "buy" : "sell") \(trade.tradeID) \(trade.orderID)")
    }

    /// The words all of which must occur; empty: nothing is asked for.
    package static func wanted(_ text: String?) -> [String] {
        Array(words(text ?? "").prefix(queryMax))
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
    }
}
