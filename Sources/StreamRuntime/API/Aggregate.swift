/// Combines many inputs into one accumulator and computes a result from it. Used by aggregating state, by windows and by
/// `KeyedStream.aggregate`.
///
///     struct Longest: Aggregate {
///         func empty() -> String { "" }
///         func add(_ input: String, to longest: inout String) { if input.count > longest.count { longest = input } }
///         func merge(_ other: String, into longest: inout String) { add(other, to: &longest) }
///         func result(_ longest: String) -> Int { longest.count }
///     }
///
/// `merge` must be associative, and merging must come to the same as adding the inputs one after the other (windows
/// that are joined rely on it). Called from many task threads, hence `Sendable`; accumulators belong to one.
public protocol Aggregate<Input, Accumulator, Output>: Sendable {
    associatedtype Input
    associatedtype Accumulator: StateCodable
    associatedtype Output

    func empty() -> Accumulator
    func add(_ input: Input, to accumulator: inout Accumulator)
    func merge(_ other: Accumulator, into accumulator: inout Accumulator)
    func result(_ accumulator: Accumulator) -> Output

    /// False where there is no result: a window gives none then. True unless said otherwise.
    func hasResult(_ accumulator: Accumulator) -> Bool
}

extension Aggregate {
    @inlinable public func hasResult(_ accumulator: Accumulator) -> Bool { true }

    /// The same aggregate over other inputs: `Sum<Int>().over(\Order.quantity)`.
    @inlinable public func over<Outer>(_ part: @escaping @Sendable (Outer) -> Input) -> AggregateOver<Self, Outer> {
        AggregateOver(self, part)
    }

    /// Both aggregates over the same inputs; the result is a pair.
    @inlinable public func and<Other: Aggregate>(_ other: Other) -> AggregatePair<Self, Other>
    where Other.Input == Input {
        AggregatePair(self, other)
    }
}

/// How many inputs there were.
public struct Count<Input>: Aggregate {
    @inlinable public init() {}
    @inlinable public func empty() -> Int { 0 }
    @inlinable public func add(_ input: Input, to count: inout Int) { count += 1 }
    @inlinable public func merge(_ other: Int, into count: inout Int) { count += other }
    @inlinable public func result(_ count: Int) -> Int { count }
}

/// The sum of the inputs. One of integers that overflows fails the job with a `SumOverflow`.
public struct Sum<Number: AdditiveArithmetic & StateCodable>: Aggregate {
    @inlinable public init() {}
    @inlinable public func empty() -> Number { .zero }
    @inlinable public func add(_ input: Number, to sum: inout Number) { sum = CheckedSum.of(sum, input) }
    @inlinable public func merge(_ other: Number, into sum: inout Number) { sum = CheckedSum.of(sum, other) }
    @inlinable public func result(_ sum: Number) -> Number { sum }
}

/// The least input; `nil` when there was none.
public struct Min<Value: Comparable & StateCodable>: Aggregate {
    @inlinable public init() {}
    @inlinable public func empty() -> Value? { nil }
    @inlinable public func add(_ input: Value, to least: inout Value?) {
        if let current = least, current <= input { return }
        least = input
    }
    @inlinable public func merge(_ other: Value?, into least: inout Value?) { if let other { add(other, to: &least) } }
    @inlinable public func result(_ least: Value?) -> Value? { least }
}

/// The greatest input; `nil` when there was none.
public struct Max<Value: Comparable & StateCodable>: Aggregate {
    @inlinable public init() {}
    @inlinable public func empty() -> Value? { nil }
    @inlinable public func add(_ input: Value, to greatest: inout Value?) {
        if let current = greatest, current >= input { return }
        greatest = input
    }
    @inlinable public func merge(_ other: Value?, into greatest: inout Value?) {
        if let other { add(other, to: &greatest) }
    }
    @inlinable public func result(_ greatest: Value?) -> Value? { greatest }
}

/// The arithmetic mean of the inputs; `nil` when there was none.
public struct Average: Aggregate {
    public struct Accumulator: StateCodable, Sendable, Equatable {
        public var sum: Double
        public var count: Int

        @inlinable public init(sum: Double = 0, count: Int = 0) {
            self.sum = sum
            self.count = count
        }

        public static var stateSchema: String { "average(f64,i64)" }
        @inlinable public func encode(into writer: inout ByteWriter) {
            sum.encode(into: &writer)
            count.encode(into: &writer)
        }
        @inlinable public init(from reader: inout ByteReader) throws {
            sum = try Double(from: &reader)
            count = try Int(from: &reader)
        }
    }

    @inlinable public init() {}
    @inlinable public func empty() -> Accumulator { Accumulator() }
    @inlinable public func add(_ input: Double, to mean: inout Accumulator) {
        mean.sum += input
        mean.count += 1
    }
    @inlinable public func merge(_ other: Accumulator, into mean: inout Accumulator) {
        mean.sum += other.sum
        mean.count += other.count
    }
    @inlinable public func result(_ mean: Accumulator) -> Double? { mean.count == 0 ? nil : mean.sum / Double(mean.count) }
}

/// An aggregate over a part of each input: what `over` makes.
public struct AggregateOver<Base: Aggregate, Input>: Aggregate {
    @usableFromInline let base: Base
    @usableFromInline let part: @Sendable (Input) -> Base.Input

    @inlinable init(_ base: Base, _ part: @escaping @Sendable (Input) -> Base.Input) {
        self.base = base
        self.part = part
    }

    @inlinable public func empty() -> Base.Accumulator { base.empty() }
    @inlinable public func add(_ input: Input, to accumulator: inout Base.Accumulator) {
        base.add(part(input), to: &accumulator)
    }
    @inlinable public func merge(_ other: Base.Accumulator, into accumulator: inout Base.Accumulator) {
        base.merge(other, into: &accumulator)
    }
    @inlinable public func result(_ accumulator: Base.Accumulator) -> Base.Output { base.result(accumulator) }
    @inlinable public func hasResult(_ accumulator: Base.Accumulator) -> Bool { base.hasResult(accumulator) }
}

/// Two aggregates over the same inputs: what `and` makes.
public struct AggregatePair<First: Aggregate, Second: Aggregate>: Aggregate where First.Input == Second.Input {
    public struct Accumulator: StateCodable {
        public var first: First.Accumulator
        public var second: Second.Accumulator

        @inlinable init(_ first: First.Accumulator, _ second: Second.Accumulator) {
            self.first = first
            self.second = second
        }

        public static var stateSchema: String {
            "pair(\(First.Accumulator.stateSchema),\(Second.Accumulator.stateSchema))"
        }
        @inlinable public func encode(into writer: inout ByteWriter) {
            first.encode(into: &writer)
            second.encode(into: &writer)
        }
        @inlinable public init(from reader: inout ByteReader) throws {
            first = try First.Accumulator(from: &reader)
            second = try Second.Accumulator(from: &reader)
        }
    }

    @usableFromInline let first: First
    @usableFromInline let second: Second

    @inlinable init(_ first: First, _ second: Second) {
        self.first = first
        self.second = second
    }

    @inlinable public func empty() -> Accumulator { Accumulator(first.empty(), second.empty()) }
    @inlinable public func add(_ input: First.Input, to pair: inout Accumulator) {
        first.add(input, to: &pair.first)
        second.add(input, to: &pair.second)
    }
    @inlinable public func merge(_ other: Accumulator, into pair: inout Accumulator) {
        first.merge(other.first, into: &pair.first)
        second.merge(other.second, into: &pair.second)
    }
    @inlinable public func hasResult(_ pair: Accumulator) -> Bool {
        first.hasResult(pair.first) && second.hasResult(pair.second)
    }
    @inlinable public func result(_ pair: Accumulator) -> (First.Output, Second.Output) {
        (first.result(pair.first), second.result(pair.second))
    }
}
