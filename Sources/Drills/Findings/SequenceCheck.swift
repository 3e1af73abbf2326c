/// Watches results that carry, for each key, the positions 0, 1, 2, …: every position must come once, in order.
///
/// Memory follows the keys, and the gaps that are open: not the results.
public struct SequenceCheck<Key: Hashable & Sendable>: Sendable {
    private struct Progress {
        var next: Int64 = 0
        /// Before `next`, and not seen yet.
        var missing: Set<Int64> = []
    }
    private var keys: [Key: Progress] = [:]
    public private(set) var findings = DrillFindings()
    /// Gaps beyond this count as lost at once: they are not waited for.
    static var gapMax: Int64 { 1_000_000 }

    public init() {}

    /// The result of a key's record at `position`.
    public mutating func add(_ key: Key, _ position: Int64) {
        findings.outputs += 1
        var progress = keys[key] ?? Progress()
        defer { keys[key] = progress }
        if position == progress.next {
            progress.next += 1
        } else if position > progress.next {
            findings.note("key \(key): position \(position) follows \(progress.next - 1)")
            if position - progress.next <= Self.gapMax {
                progress.missing.formUnion(progress.next..<position)
            } else {
                findings.lost += Int(clamping: position - progress.next)
            }
            progress.next = position + 1
        } else if progress.missing.remove(position) != nil {
            findings.reordered += 1
            findings.note("key \(key): position \(position) comes behind \(progress.next - 1)")
        } else {
            findings.duplicated += 1
            findings.note("key \(key): position \(position) comes again, behind \(progress.next - 1)")
        }
    }

    /// The result was at its place, and is not what it should be.
    public mutating func addWrong(_ detail: @autoclosure () -> String) {
        findings.wrong += 1
        findings.note(detail())
    }

    /// Positions that have come, of all keys, each counted once.
    public var distinct: Int { keys.values.reduce(0) { $0 + Int($1.next) - $1.missing.count } }

    /// What came of `inputs`, the number of positions of each key; nothing more is to come.
    public func findings(of inputs: [Key: Int64]) -> DrillFindings {
        var result = findings
        result.inputs = inputs.values.reduce(0) { $0 + Int($1) }
        for (key, count) in inputs {
            let progress = keys[key] ?? Progress()
            let open = progress.missing.count + Int(max(0, count - progress.next))
            result.lost += open
            if open > 0 { result.note("key \(key): \(open) of \(count) have no result") }
            if progress.next > count {
                result.wrong += Int(progress.next - count)
                result.note("key \(key): results up to \(progress.next - 1) of \(count) that were put in")
            }
        }
        for (key, progress) in keys where inputs[key] == nil {
            result.wrong += Int(progress.next)
            result.note("key \(key): \(progress.next) results, nothing was put in")
        }
        return result
    }
}
