import Drills
import Jobs
import StreamRuntime
import TradingDrills
import WeirKit

/// `drill counts`: numbers through a shuffle and keyed state into a topic, on the embedded log or on Kafka.
final class CountingDrill: JobDrill {
    static let name = "counts"
    static let summary =
        "Numbers, counted per key in state of any size; on the embedded log or, with --set transport=kafka://…, Kafka."
    static let members = [
        DrillMember(NumberFeedJob.self, stage: 0), DrillMember(NumberCountJob.self, stage: 1, catchUp: .seconds(60)),
    ]
    /// Of the topics that are made on Kafka.
    private static let partitions: Int32 = 4

    private let configuration: Configuration
    private let resources: TradingResources
    private let topics: NumberTopics
    private let deal: NumberDeal
    private let tail: DrillTail
    /// How many numbers of each key were put in; numbers come in order within a partition, keys do not.
    private var numbers = SequenceCheck<Int64>()
    private var counts = SequenceCheck<Int64>()

    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        self.configuration = configuration
        resources = TradingResources(configuration: configuration, environment: environment)
        topics = NumberTopics(configuration)
        deal = NumberDeal(configuration)
        tail = try DrillTail(resources, inputs: [topics.numbers], outputs: [topics.counts])
    }

    var setup: [String] {
        let keys = configuration[DrillSettings.keyCount], bytes = configuration[DrillSettings.stateBytes]
        return [
            "\(configuration[DrillSettings.rate]) numbers/s, \(keys) keys with \(bytes) bytes each: "
                + "\((Double(keys) * Double(bytes) / 1e6 * 10).rounded() / 10) MB of state",
            "checkpoints every \(configuration[StandardSettings.checkpointInterval]) ms on \(tail.transportName)",
        ]
    }

    /// Every key has state.
    var warmUpOutputs: Int { configuration[DrillSettings.keyCount] }

    func prepare() throws {
        try tail.makeTopics([topics.numbers, topics.counts], partitions: Self.partitions)
    }

    func observe() throws -> Int {
        let (inputs, outputs) = try tail.read()
        for record in inputs { try addNumber(record) }
        for record in outputs { addCount(record) }
        return counts.findings.outputs
    }

    func settle() throws -> Int {
        try tail.settle { try observe() }
        return counts.findings.outputs
    }

    func judge() throws -> DrillFindings {
        try tail.toEnd { try observe() }
        (numbers, counts) = (SequenceCheck<Int64>(), SequenceCheck<Int64>())
        for record in try tail.contents(of: [topics.numbers]) { try addNumber(record) }
        for record in try tail.contents(of: [topics.counts]) { addCount(record) }
        // The load is exactly once too: its numbers are checked as the counts are.
        let total = Int64(numbers.distinct)
        var inputs: [Int64: Int64] = [:]
        for key in 0..<min(deal.keys, total) { inputs[key] = deal.position(of: total - 1 - key) + 1 }
        var findings = counts.findings(of: inputs)
        let load = numbers.findings(of: inputs)
        if !load.isExactlyOnce {
            findings.wrong += 1
            findings.note("the load itself: \(load.summary); \(load.details.first ?? "")")
        }
        return findings
    }

    func cleanUp() throws { try tail.deleteTopics([topics.numbers, topics.counts]) }

    private func addNumber(_ record: TailedRecord) throws {
        guard let number = Int64(String(decoding: record.value, as: UTF8.self)) else {
            throw CommandFailure("\(record.topic) holds a record that is no number: another program writes to it")
        }
        numbers.add(deal.key(of: number), deal.position(of: number))
    }

    private func addCount(_ record: TailedRecord) {
        guard let counted = NumberedCount(record.value) else {
            return counts.addWrong("an output that cannot be read: \(String(decoding: record.value.prefix(80), as: UTF8.self))")
        }
        counts.add(deal.key(of: counted.number), deal.position(of: counted.number))
        if !counted.isRight(deal) {
            counts.addWrong(
                "number \(counted.number) was counted as the \(counted.count). of its key, behind \(counted.previous)"
                    + (counted.isIntact ? "" : ", in damaged state"))
        }
    }
}

// How the drill's jobs are made from settings.

extension NumberTopics {
    /// The drill gives every run a namespace of its own.
    init(_ configuration: Configuration) { self.init(prefix: configuration[StandardSettings.namespace]) }
}

extension NumberDeal {
    init(_ configuration: Configuration) { self.init(keys: Int64(configuration[DrillSettings.keyCount])) }
}

extension NumberFeedJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        self.init(
            transport: try resources.transport(), topics: NumberTopics(configuration), deal: NumberDeal(configuration),
            perSecond: Double(configuration[DrillSettings.rate]))
    }
}

extension NumberCountJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        self.init(
            transport: try resources.transport(), topics: NumberTopics(configuration), deal: NumberDeal(configuration),
            stateBytes: configuration[DrillSettings.stateBytes], groupID: configuration.consumerGroup(of: Self.name))
    }
}
