import StreamRuntime
import WeirKit

/// A temperature, in hundredths of a degree.
struct SensorReading: CodableState, Sendable {
    var sensor: Int64
    var hundredths: Int64
    var timeMillis: Int64

    /// Eight sensors, a reading every ten seconds each, up to three seconds late; some have a broken wire, some jump.
    static func simulated(_ number: Int64) -> SensorReading {
        var dice = Dice(seed: 16, number: number)
        let sensor = number % 8
        let usual = 1800 + sensor * 100 + dice.draw(-100..<100)
        let fault = dice.draw(0..<50)
        return SensorReading(
            sensor: sensor, hundredths: fault == 0 ? -99_999 : fault == 1 ? usual + 1500 : usual,
            timeMillis: openingMillis + number / 8 * 10_000 - dice.draw(0..<3000))
    }
}

/// Lets a sensor's readings through while they change slowly; a jump goes to the side output.
struct SetJumpsAside: KeyedProcessFunction {
    typealias Output = SensorReading
    private let last: ValueState<Int64, Int64>
    private let jumps: SideEmitter<SensorReading>

    init(_ state: KeyedStateContext<Int64>, _ jumps: SideOutput<SensorReading>) throws {
        last = try state.value("last", Int64.self)
        self.jumps = state.emitter(jumps)
    }

    mutating func process<Out: Collector>(
        _ reading: SensorReading, key sensor: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == SensorReading {
        if let before = last[sensor], abs(reading.hundredths - before) > 1000 { return jumps.emit(reading) }
        last[sensor] = reading.hundredths
        try out.collect(reading)
    }
}

/// Averages of a fleet of sensors that report over four gateways, and beside them what cannot be right.
/// docs/event-time.md#watermarks, docs/helpers.md#beside-the-main-output
public struct SensorFleet: PlainJob {
    public static let name = "sensor-fleet"
    public static let summary = "Averages of sensors behind four gateways: idleness, alignment, side outputs, a split."

    public init() {}

    public func build(_ flow: Flow) {
        // Each gateway is a split with a watermark of its own. One that is silent for a minute does not hold up the others,
        // and one that is read faster waits once it is five minutes ahead.
        let readings = flow.source(GeneratorSource(count: 1200, splits: 4) { SensorReading.simulated($0) }, id: "gateways")
            .watermarks(
                .boundedOutOfOrderness(.seconds(5)).idle(after: .minutes(1)).aligned("fleet", drift: .minutes(5)),
                at: \.timeMillis)
        let (possible, impossible) = readings.split { (-4000...8500).contains($0.hundredths) }
        let jumps = SideOutput<SensorReading>("jumps")
        let steady = possible.keyed(by: \.sensor).process { try SetJumpsAside($0, jumps) }.id("jumps-aside")
        let averages = steady.keyed(by: \.sensor)
            .window(.tumbling(.minutes(5)))
            .aggregate(Count().and(Sum().over(\.hundredths))).id("averages")
            .map { result in
                let (count, sum) = result.value
                return "\(clock(result.window.start)) sensor \(result.key): \(decimal(sum / Int64(count))) on average of \(count)"
            }
        let suspects = steady.sideOutput(jumps)
            .map { "\(clock($0.timeMillis)) sensor \($0.sensor): jumped to \(decimal($0.hundredths))" }
        let broken = impossible.map { "\(clock($0.timeMillis)) sensor \($0.sensor): is the wire broken?" }
        averages.union(suspects).union(broken).sink(PrintSink())
    }
}
