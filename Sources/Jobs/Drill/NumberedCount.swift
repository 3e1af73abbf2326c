import StreamRuntime

/// The numbers 0, 1, 2, … dealt out over `keys` keys in turn, so that a number says its key and its place among the key's.
public struct NumberDeal: Sendable, Hashable {
    public let keys: Int64

    public init(keys: Int64) { self.keys = max(1, keys) }

    public func key(of number: Int64) -> Int64 { number % keys }
    /// From 0, among the numbers of the same key.
    public func position(of number: Int64) -> Int64 { number / keys }
}

/// What the counting job says of a number: how many of its key it has seen, and which the one before was. Written as text:
/// `number count previous intact`.
public struct NumberedCount: Sendable, Hashable {
    public let number: Int64
    /// With this one.
    public let count: Int64
    /// -1 when there was none.
    public let previous: Int64
    /// The filling of the key's state was the one that was put there last.
    public let isIntact: Bool

    public init(number: Int64, count: Int64, previous: Int64, isIntact: Bool = true) {
        self.number = number
        self.count = count
        self.previous = previous
        self.isIntact = isIntact
    }

    public func encoded() -> [UInt8] { Array("\(number) \(count) \(previous) \(isIntact ? 1 : 0)".utf8) }

    /// Nil when it is no such text.
    public init?(_ bytes: some Sequence<UInt8>) {
        let fields = String(decoding: Array(bytes), as: UTF8.self).split(separator: " ").map { Int64($0) }
        guard fields.count == 4, let number = fields[0], let count = fields[1], let previous = fields[2], let intact = fields[3]
        else { return nil }
        self.init(number: number, count: count, previous: previous, isIntact: intact == 1)
    }

    /// True when it is what a job that has seen each number of the key once, in order, says.
    public func isRight(_ deal: NumberDeal) -> Bool {
        isIntact && count == deal.position(of: number) + 1 && previous == (number < deal.keys ? -1 : number - deal.keys)
    }
}

/// What the counting job remembers of a key: how often it came, with which number last, and bytes that make the state as
/// large as is wanted.
struct NumberMemory: StateCodable {
    static let stateSchema = "number-memory-1"
    var count: Int64
    var last: Int64
    var filling: [UInt8]

    /// Bytes that only this number gives.
    static func filling(of number: Int64, bytes: Int) -> [UInt8] {
        let seed = UInt64(bitPattern: number) &* 0x9E37_79B9_7F4A_7C15
        return [UInt8](unsafeUninitializedCapacity: bytes) { buffer, initialized in
            for index in 0..<bytes {
                buffer[index] = UInt8(truncatingIfNeeded: (seed >> UInt64((index & 7) * 8)) &+ UInt64(index))
            }
            initialized = bytes
        }
    }

    init(count: Int64, last: Int64, filling: [UInt8]) {
        self.count = count
        self.last = last
        self.filling = filling
    }

    func encode(into writer: inout ByteWriter) {
        writer.integer(count)
        writer.integer(last)
        writer.sized(filling)
    }

    init(from reader: inout ByteReader) throws {
        count = try reader.integer()
        last = try reader.integer()
        filling = Array(try reader.sized())
    }
}
