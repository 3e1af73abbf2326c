import StreamRuntime
import WeirKit

/// How many calls each route of a service gets, by the machine's clock: no event time, and nothing is ever late. No window is
/// waited out: a result comes after twenty-five calls, or fifty milliseconds after the first, and the last one has the rest.
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
            .trigger(.atEnd.early(count: 25).early(every: .milliseconds(50)).discarding)
            .aggregate(Count()).id("load")
            .map { result in
                let place = result.pane.timing == .early ? "so far" : "at the end"
                return "\(clock(result.window.start)) \(result.key): \(result.value) more calls, \(place)"
            }
            .sink(PrintSink())
    }
}
