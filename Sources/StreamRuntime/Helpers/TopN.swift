/// The `n` greatest inputs by a measure, greatest first; among equal ones those that came earlier. For windows:
///
///     trades.keyed(by: \.exchange).window(.tumbling(.minutes(1))).aggregate(TopN(3, by: \.volume))
///
/// Adding costs a comparison for inputs that are not among them, at most `n` moves for others.
public struct TopN<Input: StateCodable, Measure: Comparable>: Aggregate {
    @usableFromInline let n: Int
    @usableFromInline let measure: @Sendable (Input) -> Measure

    /// `n`: at least 1.
    @inlinable public init(_ n: Int, by measure: @escaping @Sendable (Input) -> Measure) {
        precondition(n > 0, "TopN needs n of at least 1, got \(n)")
        self.n = n
        self.measure = measure
    }

    @inlinable public func empty() -> [Input] { [] }

    @inlinable public func add(_ input: Input, to top: inout [Input]) {
        let value = measure(input)
        // What was kept before a restart may have been more.
        if top.count > n { top.removeLast(top.count - n) }
        if top.count == n, let least = top.last, measure(least) >= value { return }
        let place = top.firstIndex { measure($0) < value } ?? top.count
        if top.count == n { top.removeLast() }
        top.insert(input, at: place)
    }

    @inlinable public func merge(_ other: [Input], into top: inout [Input]) { for input in other { add(input, to: &top) } }
    @inlinable public func result(_ top: [Input]) -> [Input] { Array(top.prefix(n)) }
}
