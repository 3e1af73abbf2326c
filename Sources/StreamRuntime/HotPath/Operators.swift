// The stateless operators.

/// `Stream.map`.
public struct Map<Input, Output>: Operator {
    @usableFromInline let transform: @Sendable (Input) throws -> Output
    @inlinable init(_ transform: @escaping @Sendable (Input) throws -> Output) { self.transform = transform }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        try down.collect(try transform(input))
    }
}

/// `Stream.filter`.
public struct Filter<Input>: Operator {
    public typealias Output = Input
    @usableFromInline let predicate: @Sendable (Input) throws -> Bool
    @inlinable init(_ predicate: @escaping @Sendable (Input) throws -> Bool) { self.predicate = predicate }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Input {
        if try predicate(input) { try down.collect(input) }
    }
}

/// `Stream.compactMap`.
public struct CompactMap<Input, Output>: Operator {
    @usableFromInline let transform: @Sendable (Input) throws -> Output?
    @inlinable init(_ transform: @escaping @Sendable (Input) throws -> Output?) { self.transform = transform }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        if let output = try transform(input) { try down.collect(output) }
    }
}

/// `Stream.flatMap`.
public struct FlatMap<Input, Results: Sequence>: Operator {
    public typealias Output = Results.Element
    @usableFromInline let transform: @Sendable (Input) throws -> Results
    @inlinable init(_ transform: @escaping @Sendable (Input) throws -> Results) { self.transform = transform }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        for output in try transform(input) { try down.collect(output) }
    }
}
