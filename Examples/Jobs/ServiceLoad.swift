import StreamRuntime
import WeirKit

/// How many calls each route of a service gets, by the machine's clock: no event time, and nothing is ever late. A burst is not
/// waited out: every twenty-five calls there is a result, and the last one of a window has the rest.
/// docs/windows.md#processing-time, docs/helpers.md#slowing-down
public struct ServiceLoad: PlainJob {
    public static let name = "service-load"
    public static let summary = "Calls of each route in every fifth of a second, by the machine's clock."

    public init() {}

    public func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: 600) { ServiceCall.simulated($0) }, id: "calls").parallelism(1)
            .rateLimited(perSecond: 1000, burst: 50).id("pace").parallelism(1)
            .keyed(by: \.route)
            .window(.tumbling(.milliseconds(200)).processingTime)
            .trigger(.atEnd.early(count: 25).discarding)
            .aggregate(Count()).id("load")
            .map { result in
                let burst = result.pane.timing == .early ? " in a burst" : ""
                return "\(clock(result.window.start)) \(result.key): \(result.value) calls\(burst)"
            }
            .sink(PrintSink())
    }
}
