/// Finds where frames end in a stream of bytes, without looking at what is in them. Pure.
package struct FrameBoundary {
    private var header: [UInt8] = []
    private var payloadLeft: UInt64 = 0

    package init() {}

    /// Whether the bytes so far are whole frames.
    package var isReached: Bool { header.isEmpty && payloadLeft == 0 }

    /// Takes bytes: all of them, or with `stopping` those up to the end of the frame under way. Returns how many.
    package mutating func advance(_ bytes: some Collection<UInt8>, stopping: Bool) -> Int {
        var taken = 0
        while taken < bytes.count, !(stopping && isReached) {
            if payloadLeft > 0 {
                let step = min(payloadLeft, UInt64(bytes.count - taken))
                payloadLeft -= step
                taken += Int(step)
                continue
            }
            header.append(bytes[bytes.index(bytes.startIndex, offsetBy: taken)])
            taken += 1
            if let length = lengthOfPayload() {
                payloadLeft = length
                header.removeAll(keepingCapacity: true)
            }
        }
        return taken
    }

    /// Nil until the header is whole.
    private func lengthOfPayload() -> UInt64? {
        guard header.count >= 2 else { return nil }
        let short = header[1] & 0x7F
        let extended = short == 126 ? 2 : short == 127 ? 8 : 0
        guard header.count == 2 + extended + (header[1] & 0x80 == 0 ? 0 : 4) else { return nil }
        if extended == 0 { return UInt64(short) }
        return header[2..<2 + extended].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
