import NIOCore
import Trading

/// One client's subscriptions and what it has yet to be told. Pure: the connection does the I/O.
///
/// Conflation: what waits is a set of symbols, not a queue of prices; the price is looked up when it can be
/// sent. A client that cannot keep up is therefore told the newest price of each symbol, late, and costs the
/// same memory as a fast one.
package struct PriceSubscriber {
    package private(set) var subscribed: SymbolSet
    private var pending: SymbolSet
    private let symbolsMax: Int

    package init(_ table: SymbolTable, symbolsMax: Int) {
        subscribed = table.none
        pending = table.none
        self.symbolsMax = symbolsMax
    }

    package var hasPending: Bool { !pending.isEmpty }

    /// Applies a message whole or, when any of it is refused, not at all. What is newly subscribed becomes
    /// pending: its latest price is the snapshot.
    package mutating func apply(_ message: ClientMessage, _ table: SymbolTable) throws(SubscriptionRefusal) {
        switch message {
        case .subscribe(let names):
            var wanted = subscribed
            wanted.formUnion(try numbers(names, table))
            guard wanted.count <= symbolsMax else { throw .tooManySymbols(max: symbolsMax) }
            var fresh = wanted
            fresh.subtract(subscribed)
            subscribed = wanted
            pending.formUnion(fresh)
        case .unsubscribe(let names):
            let unwanted = try numbers(names, table)
            subscribed.subtract(unwanted)
            pending.subtract(unwanted)
        }
    }

    /// Prices of `symbols` have changed. Returns how many of them replace one that was still waiting.
    package mutating func changed(_ symbols: SymbolSet) -> Int {
        pending.insertCommon(subscribed, symbols)
    }

    /// What is to be sent now; nothing waits afterwards.
    package mutating func takePending() -> SymbolSet {
        defer { pending.subtract(pending) }
        return pending
    }

    private func numbers(_ names: [String], _ table: SymbolTable) throws(SubscriptionRefusal) -> SymbolSet {
        var set = table.none
        for name in names {
            guard let symbol = Symbol(name), let number = table.number(symbol) else { throw .unknownSymbol }
            set.insert(number)
        }
        return set
    }
}
