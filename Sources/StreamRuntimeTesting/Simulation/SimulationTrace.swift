/// What happened in a simulation, in order: always as a hash, as lines when somebody wants to read them. Two runs of one
/// seed have the same hash, or something in the runtime depends on more than its inputs. The simulation's thread only.
public final class SimulationTrace {
    /// FNV-1a over everything noted so far.
    public private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    public private(set) var count = 0
    /// Empty unless the simulation records.
    public private(set) var lines: [String] = []

    private let records: Bool
    private let clock: SimulatedClock
    private static let linesMax = 200_000

    init(clock: SimulatedClock, records: Bool) {
        self.clock = clock
        self.records = records
    }

    /// `detail` is for people and not part of the hash: it may name what differs from run to run.
    func note(
        _ what: StaticString, process: Int = 0, _ first: Int64 = 0, _ second: Int64 = 0,
        detail: @autoclosure () -> String = ""
    ) {
        count += 1
        mix(UInt64(bitPattern: clock.monotonicNanos()))
        what.withUTF8Buffer { for byte in $0 { mix(byte) } }
        mix(UInt64(process))
        mix(UInt64(bitPattern: first))
        mix(UInt64(bitPattern: second))
        guard records, lines.count < Self.linesMax else { return }
        let micros = clock.monotonicNanos() / 1000
        let fraction = String(micros % 1_000_000 + 1_000_000).dropFirst()
        var line = "\(micros / 1_000_000).\(fraction)  \(process == 0 ? "  " : "p\(process)")  \(what)"
        if first != 0 || second != 0 { line += " \(first)" }
        if second != 0 { line += " \(second)" }
        let text = detail()
        if !text.isEmpty { line += "  \(text)" }
        lines.append(line)
    }

    private func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    private func mix(_ value: UInt64) {
        var rest = value
        for _ in 0..<8 {
            mix(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}
