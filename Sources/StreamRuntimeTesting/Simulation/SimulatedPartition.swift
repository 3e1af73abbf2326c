/// One partition of a simulated topic: records and the markers of transactions, in the order in which they came.
final class SimulatedPartition {
    private enum Content {
        case record([UInt8])
        /// The end of a transaction takes an offset, as in Kafka.
        case marker
    }
    private enum Fate {
        case open, committed, aborted
    }
    private struct Entry {
        let content: Content
        var fate: Fate
    }

    private var entries: [Entry] = []
    /// By producer: the offsets of its open transaction's records here.
    private var open: [Int: [Int]] = [:]
    /// By producer: the newest epoch seen; older ones are refused.
    private var epochs: [Int: Int] = [:]
    /// Called when there is more to read.
    var wake: [Int: () -> Void] = [:]

    var end: Int { entries.count }

    /// Everything below is decided: what a read-committed reader sees ends here.
    var stableEnd: Int { open.values.compactMap(\.first).min() ?? entries.count }

    var openTransactions: Int { open.count }

    func append(_ record: [UInt8]) {
        entries.append(Entry(content: .record(record), fate: .committed))
        wakeReaders()
    }

    func append(_ records: [[UInt8]], producer: Int, epoch: Int) throws(BrokerError) {
        guard epoch >= epochs[producer] ?? 0 else { throw .fenced }
        epochs[producer] = epoch
        for record in records {
            open[producer, default: []].append(entries.count)
            entries.append(Entry(content: .record(record), fate: .open))
        }
    }

    func mark(producer: Int, epoch: Int, isCommit: Bool) {
        epochs[producer] = max(epoch, epochs[producer] ?? 0)
        for offset in open.removeValue(forKey: producer) ?? [] { entries[offset].fate = isCommit ? .committed : .aborted }
        entries.append(Entry(content: .marker, fate: .committed))
        wakeReaders()
    }

    private func wakeReaders() { for (_, wake) in wake.sorted(by: { $0.key < $1.key }) { wake() } }

    /// Committed records from `offset` on, `limit` of them at most, each with the offset behind it; and where the next read
    /// begins.
    func read(from offset: Int, limit: Int) -> (records: [(bytes: [UInt8], next: Int)], next: Int) {
        let stable = stableEnd
        var records: [(bytes: [UInt8], next: Int)] = []
        var next = offset
        while next < stable, records.count < limit {
            if case .record(let bytes) = entries[next].content, entries[next].fate == .committed {
                records.append((bytes, next + 1))
            }
            next += 1
        }
        return (records, next)
    }

    /// Everything committed, whatever is still open.
    var committedRecords: [[UInt8]] {
        entries.compactMap { entry in
            if case .record(let bytes) = entry.content, entry.fate == .committed { bytes } else { nil }
        }
    }
}

/// What a broker answers instead of doing what it was asked for.
enum BrokerError: Error, CustomStringConvertible {
    /// A newer producer has the id.
    case fenced
    /// The last transaction is still being completed, or the coordinator has moved: ask again.
    case retriable(String)
    case invalidState(String)

    var description: String {
        switch self {
        case .fenced: "a newer producer has taken over"
        case .retriable(let what): "\(what), ask again"
        case .invalidState(let what): what
        }
    }
}
