import StreamRuntime

/// What a test hands to a harness: a record with its event time, or what event time has come to.
public enum HarnessItem<Input: Sendable>: Sendable {
    case record(Input, millis: Int64)
    case watermark(Int64)
    case idle
}

/// The chain in front of the operators under test.
public typealias HarnessInput<Input: Sendable> = Stage<SourceHead<TestSource<HarnessItem<Input>>>, HarnessTime<Input>>

/// What the closure of a harness is given, e.g. `(orders: HarnessStream<Order>) in`.
public typealias HarnessStream<Input: Sendable> = Stream<HarnessInput<Input>>

/// Gives records the times, and the stream the watermarks, that the test says.
public struct HarnessTime<Input: Sendable>: Operator {
    public typealias Output = Input
    private let recordTime: RecordTime

    init(_ context: OperatorContext) { recordTime = context.services.recordTime }

    public mutating func process<Down: Collector>(_ item: HarnessItem<Input>, into down: inout Down) throws
    where Down.Element == Input {
        switch item {
        case .record(let record, let millis):
            recordTime.millis = millis
            try down.collect(record)
        case .watermark(let time): try down.handle(.watermark(time))
        case .idle: try down.handle(.idle)
        }
    }
}

extension Flow {
    func harnessInput<Input>(_ source: TestSource<HarnessItem<Input>>, id: OperatorID) -> HarnessStream<Input> {
        self.source(source, id: id).parallelism(1).applyTime(OperatorID("\(id)-time")) { HarnessTime($0) }.parallelism(1)
    }
}
