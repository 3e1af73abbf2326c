extension Stream {
    /// About this share of the keys, 0...1: all records of a key, or none of them. The choice depends on key and `seed`
    /// alone, so it is the same in every run, at any parallelism, and in every job that asks with the same seed.
    @inlinable public func sampled<Key: StreamKey>(
        fraction: Double, by key: @escaping @Sendable (Element) -> Key, seed: UInt64 = 0
    ) -> Stream<Stage<C, Filter<Element>>> {
        let sample = KeySample(fraction: fraction, seed: seed)
        return filter { sample.contains(key($0).stableHash) }
    }

    /// Every `n`-th record of each subtask; `offset`: how many are left out before the first, 0..<n. The count is part of
    /// checkpoints: a restart takes the same records, as far as the input brings them in the same order.
    @inlinable public func sampled(oneIn n: Int, offset: Int = 0) -> Stream<Stage<C, SampleEvery<Element>>> {
        stage("sample", .stateful) { try SampleEvery(context: $0, n: n, offset: offset) }
    }
}

/// Which hashes are in a sample. Pure.
@usableFromInline package struct KeySample: Sendable {
    private let seed: UInt64
    private let limit: UInt64?

    @usableFromInline package init(fraction: Double, seed: UInt64) {
        self.seed = seed
        limit = fraction >= 1 ? nil : UInt64(max(0, fraction) * 0x1p64)
    }

    @usableFromInline package func contains(_ hash: UInt64) -> Bool {
        guard let limit else { return true }
        return XXH64.hash(hash ^ seed &* 0x9E37_79B9_7F4A_7C15) < limit
    }
}

/// `Stream.sampled(oneIn:)`.
public struct SampleEvery<Input>: Operator {
    public typealias Output = Input
    @usableFromInline let n: Int
    /// Records to leave out before the next.
    @usableFromInline var left: Int
    private let operatorID: OperatorID
    private let keyGroup: Int

    private static var listName: String { "left" }
    private static var listSchema: String { "i64" }

    @usableFromInline init(context: OperatorContext, n: Int, offset: Int) throws {
        guard n > 0, (0..<n).contains(offset) else {
            throw GraphError(
                "operator '\(context.operatorID)': sampled(oneIn: \(n), offset: \(offset)) needs n > 0 and 0 <= offset < n")
        }
        self.n = n
        operatorID = context.operatorID
        keyGroup = context.ownedKeyGroups.lowerBound
        let stored = try context.restoredList(Self.listName, Self.listSchema).map { item in
            try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return try Int(from: &reader)
            }
        }
        left = stored.first ?? offset
    }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Input {
        guard left == 0 else {
            left &-= 1
            return
        }
        left = n &- 1
        try down.collect(input)
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        var writer = ByteWriter(capacity: 8)
        left.encode(into: &writer)
        snapshot.add(
            OperatorList(
                operatorID: operatorID, name: Self.listName, schema: Self.listSchema,
                items: [OperatorList.Item(keyGroup: keyGroup, bytes: writer.bytes)]))
    }
}
