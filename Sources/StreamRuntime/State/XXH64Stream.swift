/// XXH64 over bytes that arrive in pieces; the same result as `XXH64.hash` over all of them (seed 0).
public struct XXH64Stream {
    private var v1 = XXH64.p1 &+ XXH64.p2
    private var v2 = XXH64.p2
    private var v3: UInt64 = 0
    private var v4: UInt64 = 0 &- XXH64.p1
    private var tail: [UInt8] = []
    private var total = 0

    public init() { tail.reserveCapacity(32) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        total += bytes.count
        var at = 0
        if !tail.isEmpty {
            let missing = min(32 - tail.count, bytes.count)
            tail.append(contentsOf: bytes[0..<missing])
            at = missing
            guard tail.count == 32 else { return }
            let full = tail
            full.withUnsafeBytes { stripe($0, 0) }
            tail.removeAll(keepingCapacity: true)
        }
        while at &+ 32 <= bytes.count {
            stripe(bytes, at)
            at &+= 32
        }
        tail.append(contentsOf: bytes[at...])
    }

    public func finish() -> UInt64 {
        var h: UInt64
        if total >= 32 {
            h = XXH64.rotl(v1, 1) &+ XXH64.rotl(v2, 7) &+ XXH64.rotl(v3, 12) &+ XXH64.rotl(v4, 18)
            h = XXH64.merge(XXH64.merge(XXH64.merge(XXH64.merge(h, v1), v2), v3), v4)
        } else {
            h = XXH64.p5
        }
        return tail.withUnsafeBytes { XXH64.finishTail(h &+ UInt64(total), $0, from: 0) }
    }

    private mutating func stripe(_ bytes: UnsafeRawBufferPointer, _ at: Int) {
        v1 = XXH64.round(v1, XXH64.word(bytes, at))
        v2 = XXH64.round(v2, XXH64.word(bytes, at &+ 8))
        v3 = XXH64.round(v3, XXH64.word(bytes, at &+ 16))
        v4 = XXH64.round(v4, XXH64.word(bytes, at &+ 24))
    }
}
