import StreamRuntime

/// Where a first start of a simulated source begins.
public enum SimulatedStart: Sendable {
    case earliest, latest
}

/// Reads a simulated topic's committed records, each partition in order.
public struct SimulatedSource<Element: StateCodable>: Source {
    let topic: String
    let start: SimulatedStart
    let host: SimulatedHost

    private func split(_ partition: Int) -> String { "\(topic)/\(partition)" }

    public func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] {
        try host.life.check()
        return (0..<host.broker.partitionCount(topic)).map { partition in
            let first = start == .earliest ? 0 : host.broker.partition(topic, partition).stableEnd
            host.discovered[split(partition)] = first
            return SourceSplit(
                id: split(partition), start: Int64(first),
                brokerOffset: host.hasTransactions
                    ? BrokerOffset(
                        domain: "simulated-broker", group: "\(context.jobName)", topic: topic, partition: Int32(partition))
                    : nil)
        }
    }

    public func makeReader(_ context: SourceReaderContext) throws -> SimulatedReader<Element> {
        let parts = context.assignments.compactMap { assignment -> SimulatedReader<Element>.Part? in
            guard let partition = Int(assignment.split.dropFirst(topic.count + 1)) else { return nil }
            return .init(partition: partition, id: assignment.split, next: Int(assignment.next))
        }
        return SimulatedReader(parts: parts, topic: topic, host: host, context)
    }
}

public struct SimulatedReader<Element: StateCodable>: SourceReader {
    struct Part {
        let partition: Int
        let id: String
        var next: Int
    }
    private var parts: [Part]
    private let topic: String
    private let host: SimulatedHost
    private let backPressure: BackPressure
    private let cursor: SplitCursor
    private let number: Int

    init(parts: [Part], topic: String, host: SimulatedHost, _ context: SourceReaderContext) {
        self.parts = parts
        self.topic = topic
        self.host = host
        backPressure = context.backPressure
        cursor = context.splits
        number = host.nextReader()
        for part in parts {
            host.broker.partition(topic, part.partition).wake[number] = context.wake
            host.consumed[part.id] = part.next
        }
    }

    public mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
    where Output.Element == Element {
        try host.life.check()
        var emitted = 0
        for index in parts.indices where !cursor.isPaused(index) && !backPressure.isRaised {
            let partition = host.broker.partition(topic, parts[index].partition)
            // As much as an answer of a broker would hold: another time less, another time more.
            let (records, next) = partition.read(from: parts[index].next, limit: host.world.number(in: 1...min(64, budget)))
            cursor.select(index)
            var isCutShort = false
            for (position, (bytes, after)) in records.enumerated() {
                parts[index].next = after
                emitted += 1
                try output.collect(
                    try bytes.withUnsafeBytes { bytes in
                        var reader = ByteReader(bytes)
                        return try Element(from: &reader)
                    })
                if backPressure.isRaised, position + 1 < records.count {
                    isCutShort = true
                    break
                }
            }
            if !isCutShort { parts[index].next = next }
            host.consumed[parts[index].id] = parts[index].next
        }
        return emitted > 0 ? .progressed : .idle(recheckAfterMicros: 100_000)
    }

    public func positions() -> [SplitPosition] { parts.map { SplitPosition(split: $0.id, next: Int64($0.next)) } }

    public mutating func close() {
        for part in parts { host.broker.partition(topic, part.partition).wake[number] = nil }
    }
}
