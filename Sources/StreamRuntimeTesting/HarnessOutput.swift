import StreamRuntime

/// A result and the event time it carries; `Int64.min` where there is none.
public struct Emitted<Element> {
    public var element: Element
    public var millis: Int64

    public init(_ element: Element, at millis: Int64) {
        self.element = element
        self.millis = millis
    }
}

extension Emitted: Equatable where Element: Equatable {}
extension Emitted: Hashable where Element: Hashable {}
extension Emitted: Sendable where Element: Sendable {}
extension Emitted: CustomStringConvertible {
    public var description: String { millis == .min ? "\(element)" : "\(element)@\(millis)" }
}

/// What a harness has received. All its subtasks run on the test's thread.
final class Recording<Element>: @unchecked Sendable {  // used on the test's thread only
    var emitted: [Emitted<Element>] = []
    /// By subtask.
    var watermarks: [Int: Int64] = [:]

    func takeAll() -> [Emitted<Element>] {
        defer { emitted = [] }
        return emitted
    }
}

/// Notes records, their times and watermarks on their way past.
struct Recorder<Element>: Operator {
    typealias Output = Element
    private let recording: Recording<Element>
    private let recordTime: RecordTime
    private let subtask: Int

    init(_ context: OperatorContext, _ recording: Recording<Element>) {
        self.recording = recording
        recordTime = context.services.recordTime
        subtask = context.subtask
        recording.watermarks[subtask] = .min
    }

    mutating func process<Down: Collector>(_ input: Element, into down: inout Down) throws where Down.Element == Element {
        recording.emitted.append(Emitted(input, at: recordTime.millis))
        try down.collect(input)
    }

    mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws where Down.Element == Element {
        recording.watermarks[subtask] = time
        try down.handle(.watermark(time))
    }
}

/// Where the records of one side output are kept, without their type.
protocol SideRecording {
    var name: String { get }
}

struct TypedSideRecording<Element>: SideRecording {
    let name: String
    let recording = Recording<Element>()
}

/// The ends of a harness's job: results and side outputs are recorded.
final class HarnessEnds<Output> {
    let recording = Recording<Output>()
    private(set) var sides: [any SideRecording] = []

    func close<C: Chain<Output>, each Side>(_ stream: Stream<C>, _ outputs: repeat SideOutput<each Side>) {
        for output in repeat each outputs { collect(output, of: stream) }
        end(stream, in: recording, id: "output")
    }

    private func collect<C: Chain, Side>(_ output: SideOutput<Side>, of stream: Stream<C>) {
        let side = TypedSideRecording<Side>(name: output.name)
        end(stream.sideOutput(output), in: side.recording, id: "side-\(sides.count)")
        sides.append(side)
    }

    private func end<C: Chain, Element>(_ stream: Stream<C>, in recording: Recording<Element>, id: String)
    where C.Element == Element {
        stream.apply(OperatorID(id)) { Recorder($0, recording) }.sink(ForEachSink { _ in }, id: OperatorID("\(id)-end"))
    }
}
