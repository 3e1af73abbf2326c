import Synchronization
import Trading

/// The latest price of every listed symbol as this instance knows it. Takes a price only when its `seq` is newer,
/// so that pub/sub, re-reading and other instances may bring them in any order. Callable from any thread.
final class PriceBoard: Sendable {
    let table: SymbolTable
    private let latest: Mutex<[PricedAt?]>

    init(_ table: SymbolTable) {
        self.table = table
        latest = Mutex(Array(repeating: nil, count: table.count))
    }

    /// Takes what is newer; returns which symbols have changed. Unlisted ones are passed over.
    func merge(_ ticks: some Sequence<PriceTick>) -> SymbolSet {
        latest.withLock { latest in
            var changed = table.none
            for tick in ticks {
                guard let number = table.number(tick.symbol) else { continue }
                if let known = latest[number], known.seq >= tick.seq { continue }
                latest[number] = tick.pricedAt
                changed.insert(number)
            }
            return changed
        }
    }

    /// The prices of `numbers` that are known.
    func prices(_ numbers: SymbolSet) -> [(number: Int, price: PricedAt)] {
        latest.withLock { latest in
            var found: [(number: Int, price: PricedAt)] = []
            numbers.forEach { number in
                if let price = latest[number] { found.append((number, price)) }
            }
            return found
        }
    }

    /// The known prices that `stored` has not, or has an older one of: what its owner has lost.
    func missing(from stored: [Symbol: PricedAt]) -> [PriceTick] {
        prices(table.all).compactMap { number, price in
            let symbol = table.symbols[number]
            if let found = stored[symbol], found.seq >= price.seq { return nil }
            return PriceTick(symbol: symbol, price: price.price, seq: price.seq, timestampMillis: price.timestampMillis)
        }
    }
}
