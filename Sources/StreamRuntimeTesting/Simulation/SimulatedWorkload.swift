import StreamRuntime

/// Jobs, what they are fed, and what must come of it.
///
///     SimulatedWorkload(
///         "counting", topics: ["in": 3, "out": 2],
///         jobs: [.init("count", reads: ["in"]) { flow, host in
///             flow.source(host.source("in", of: Event.self)).keyed(by: \.key).process { try Count($0) }
///                 .sink(host.sink("out", of: Event.self) { Int($0.key) })
///         }],
///         feed: { random in (0..<1500).map { .init("in", partition: $0 % 3, Event.random(&random)) } },
///         check: { result, findings in findings.compareCounts(result.records("out", of: Event.self)) })
public struct SimulatedWorkload: Sendable {
    public struct Job: Sendable {
        public let name: String
        /// Topics; the job has ended when it has read all there is.
        public let reads: [String]
        /// False for a job whose checkpoint is the decision: no sink of it is transactional.
        public let decidesOnBroker: Bool
        let build: @Sendable (Flow, SimulatedHost) throws -> Void

        public init(
            _ name: String, reads: [String], decidesOnBroker: Bool = true,
            build: @escaping @Sendable (Flow, SimulatedHost) throws -> Void
        ) {
            self.name = name
            self.reads = reads
            self.decidesOnBroker = decidesOnBroker
            self.build = build
        }
    }

    /// A record that arrives from outside.
    public struct Input: Sendable {
        public let topic: String
        public let partition: Int
        public let bytes: [UInt8]

        public init(_ topic: String, partition: Int, _ record: some StateCodable) {
            self.topic = topic
            self.partition = partition
            var writer = ByteWriter()
            record.encode(into: &writer)
            bytes = writer.bytes
        }
    }

    public let name: String
    public let topics: [String: Int]
    public let jobs: [Job]
    /// Records in the order in which they arrive.
    let feed: @Sendable (inout SimulationRandom) -> [Input]
    let check: @Sendable (SimulationResult, inout SimulationFindings) -> Void

    /// `topics`: with the number of their partitions.
    public init(
        _ name: String, topics: [String: Int], jobs: [Job],
        feed: @escaping @Sendable (inout SimulationRandom) -> [Input],
        check: @escaping @Sendable (SimulationResult, inout SimulationFindings) -> Void
    ) {
        self.name = name
        self.topics = topics
        self.jobs = jobs
        self.feed = feed
        self.check = check
    }
}

/// A random number generator whose numbers a seed gives.
public struct SimulationRandom: RandomNumberGenerator {
    private var generator: SeededGenerator
    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
    public mutating func next() -> UInt64 { generator.next() }
}

/// What has come of a workload, when all its jobs have ended.
public struct SimulationResult {
    let broker: SimulatedBroker
    let storage: SimulatedStore
    public let inputs: [SimulatedWorkload.Input]
    let firstPositions: [String: Int]

    /// Where the first start that was decided has begun to read a split, e.g. `in/0`.
    public func firstPosition(of split: String) -> Int { firstPositions[split] ?? 0 }

    /// Committed records of a topic, by partition, in order. One that does not decode traps: the workload's own mistake.
    public func records<Element: StateCodable>(_ topic: String, of _: Element.Type) -> [[Element]] {
        broker.partitions(of: topic).map { $0.committedRecords.map(Self.decode) }
    }

    /// What was fed to a topic, by partition, in order.
    public func fed<Element: StateCodable>(_ topic: String, of _: Element.Type) -> [[Element]] {
        var partitions: [[Element]] = Array(repeating: [], count: broker.partitionCount(topic))
        for input in inputs where input.topic == topic { partitions[input.partition].append(Self.decode(input.bytes)) }
        return partitions
    }

    public var store: [String: SimulatedStore.Item] { storage.items }

    private static func decode<Element: StateCodable>(_ bytes: [UInt8]) -> Element {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            guard let element = try? Element(from: &reader) else {
                preconditionFailure("a record of \(bytes.count) bytes is no \(Element.self)")
            }
            return element
        }
    }
}
