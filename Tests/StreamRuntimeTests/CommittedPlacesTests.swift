import StreamRuntime
import TestKit
import Testing

/// Numbers with a place on a broker for the offset of their only split.
private struct PlacedSource: Source {
    typealias Element = Int64
    let place: BrokerOffset
    private let numbers = GeneratorSource(count: 10) { $0 }

    init(_ place: BrokerOffset) { self.place = place }

    func discoverSplits(_ context: SourceContext) -> [SourceSplit] {
        numbers.discoverSplits(context).map { SourceSplit(id: $0.id, start: $0.start, brokerOffset: place) }
    }

    func makeReader(_ context: SourceReaderContext) -> GeneratorSource<Int64>.Reader { numbers.makeReader(context) }
}

@Suite(.timeLimit(.minutes(5))) struct CommittedPlacesTests {
    private func place(_ domain: String, group: String = "g", partition: Int32 = 3) -> BrokerOffset {
        BrokerOffset(domain: domain, group: group, topic: "orders", partition: partition)
    }

    private func run(_ first: BrokerOffset, _ second: BrokerOffset, _ sink: CollectSink<Int64>) async throws {
        let folder = TemporaryFolder()
        let job = AnyJob { flow in
            flow.source(PlacedSource(first), id: "left").union(flow.source(PlacedSource(second), id: "right")).sink(sink)
        }
        let options = testOptions(folder, parallelism: 1, intervalMillis: 5)
        try await JobRunner(job, options: options, environment: JobEnvironment()).run()
    }

    /// The deciding transaction keeps one offset of the two: no later start could compare both with it.
    @Test func twoSourcesThatCommitToOnePlaceAreRefusedAtTheStart() async throws {
        let sink = CollectSink<Int64>()
        await #expect {
            try await run(place(sink.identity), place(sink.identity), sink)
        } throws: { error in
            ["'left'", "'right'", "partition 3", "'orders'", "'g'", "read the topic once", "groupID"]
                .allSatisfy { "\(error)".contains($0) }
        }
        #expect(sink.elements.isEmpty)
    }

    @Test func otherGroupsAndPartitionsAndSystemsAreOtherPlaces() async throws {
        let (byGroup, byPartition, elsewhere) = (CollectSink<Int64>(), CollectSink<Int64>(), CollectSink<Int64>())
        try await run(place(byGroup.identity), place(byGroup.identity, group: "h"), byGroup)
        try await run(place(byPartition.identity), place(byPartition.identity, partition: 4), byPartition)
        // Committed there to be looked at, no part of the decision.
        try await run(place("kafka://other"), place("kafka://other"), elsewhere)
        for sink in [byGroup, byPartition, elsewhere] { #expect(sink.elements.count == 20) }
    }
}
