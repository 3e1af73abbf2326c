import Trading

/// The listed symbols, numbered: what this service tells prices of. Everything per symbol is an array or a set of
/// bits over these numbers, so that ten thousand connections cost little and nobody can make it grow.
package struct SymbolTable: Sendable {
    package let symbols: [Symbol]
    private let numbers: [Symbol: Int]

    /// Each symbol once, in the order given.
    package init(_ symbols: [Symbol]) {
        var numbers: [Symbol: Int] = [:]
        var once: [Symbol] = []
        for symbol in symbols where numbers.updateValue(once.count, forKey: symbol) == nil { once.append(symbol) }
        (self.symbols, self.numbers) = (once, numbers)
    }

    package var count: Int { symbols.count }

    /// The number of a listed symbol; nil of any other.
    package func number(_ symbol: Symbol) -> Int? { numbers[symbol] }

    package var none: SymbolSet { SymbolSet(capacity: count) }

    package var all: SymbolSet {
        var set = none
        for number in 0..<count { set.insert(number) }
        return set
    }
}

/// A set of symbol numbers below a fixed capacity, as bits. Sets are combined with others of one table only.
package struct SymbolSet: Hashable, Sendable {
    private var words: [UInt64]

    package init(capacity: Int) { words = Array(repeating: 0, count: (capacity + 63) / 64) }

    package var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    package var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    package func contains(_ number: Int) -> Bool { words[number >> 6] >> UInt64(number & 63) & 1 == 1 }
    package mutating func insert(_ number: Int) { words[number >> 6] |= 1 << UInt64(number & 63) }
    package mutating func remove(_ number: Int) { words[number >> 6] &= ~(1 << UInt64(number & 63)) }

    package mutating func formUnion(_ other: SymbolSet) {
        for index in words.indices { words[index] |= other.words[index] }
    }

    package mutating func subtract(_ other: SymbolSet) {
        for index in words.indices { words[index] &= ~other.words[index] }
    }

    /// Adds what is in both `first` and `second`; returns how many of those were in already.
    package mutating func insertCommon(_ first: SymbolSet, _ second: SymbolSet) -> Int {
        var repeated = 0
        for index in words.indices {
            let common = first.words[index] & second.words[index]
            repeated += (words[index] & common).nonzeroBitCount
            words[index] |= common
        }
        return repeated
    }

    /// Each number, rising.
    package func forEach(_ body: (Int) -> Void) {
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                body(index << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
    }
}
