import StreamRuntime
import WeirKit

/// A reading of a machine.
struct Reading: CodableState, Sendable {
    var machine: Int64
    var quantity: String
    var value: Int64

    static func simulated(_ number: Int64) -> Reading {
        var dice = Dice(seed: 9, number: number)
        return Reading(machine: dice.draw(0..<10), quantity: dice.pick(["temperature", "pressure"]), value: dice.draw(0..<100))
    }
}

/// Raise an alarm when `quantity` is above `limit`.
struct Limit: CodableState, Sendable {
    var quantity: String
    var limit: Int64

    /// The operators of the plant change their minds.
    static let simulated = [
        Limit(quantity: "temperature", limit: 95), Limit(quantity: "pressure", limit: 97),
        Limit(quantity: "temperature", limit: 98),
    ]
}

struct Alarm: Sendable {
    var reading: Reading
    var limit: Int64
}

/// Compares readings with the limits that hold when they arrive. Every subtask knows all limits; they are stored once.
struct CompareWithLimits: BroadcastFunction {
    typealias Input = Reading
    typealias Broadcast = Limit
    typealias Output = Alarm
    private let limits: BroadcastView<String, Int64>

    init(_ context: OperatorContext) throws { limits = try context.broadcastView("limits", String.self, Int64.self) }

    mutating func process<Out: Collector>(_ reading: Reading, into out: inout Out) throws where Out.Element == Alarm {
        guard let limit = limits[reading.quantity], reading.value > limit else { return }
        try out.collect(Alarm(reading: reading, limit: limit))
    }

    mutating func processBroadcast<Out: Collector>(
        _ limit: Limit, _ writer: BroadcastWriter, into out: inout Out
    ) throws where Out.Element == Alarm {
        writer.set(limits, limit.quantity, to: limit.limit)
    }
}

/// Raises alarms by rules that change while the job runs.
/// docs/joins.md#rules-for-everybody
public struct AlertRules: PlainJob {
    public static let name = "alert-rules"
    public static let summary = "Raises alarms by rules that are broadcast to every subtask and change while the job runs."

    public init() {}

    public func build(_ flow: Flow) {
        let limits = flow.source(
            GeneratorSource(count: Int64(Limit.simulated.count), ratePerSecond: 2) { Limit.simulated[Int($0)] }, id: "limits"
        ).parallelism(1)
        flow.source(GeneratorSource(count: 2000, splits: 2, ratePerSecond: 1000) { Reading.simulated($0) }, id: "readings")
            .connected(broadcasting: limits)
            .process { try CompareWithLimits($0) }.id("alarms")
            .map { "machine \($0.reading.machine): \($0.reading.quantity) \($0.reading.value) is above \($0.limit)" }
            .sink(PrintSink())
    }
}
