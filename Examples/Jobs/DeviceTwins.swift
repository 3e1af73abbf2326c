import StreamRuntime
import WeirKit

/// Somebody sets a thermostat.
struct ThermostatCommand: CodableState, Sendable {
    var device: Int64
    var degrees: Int64
    var timeMillis: Int64

    /// One every ninety seconds, for an hour.
    static let simulated = (Int64(0)..<40).map { number in
        var dice = Dice(seed: 18, number: number)
        return ThermostatCommand(
            device: dice.draw(0..<6), degrees: dice.draw(16..<25), timeMillis: openingMillis + number * 90_000)
    }
}

/// A thermostat says how warm it is.
struct ThermostatReading: CodableState, Sendable {
    var device: Int64
    var degrees: Int64
    var timeMillis: Int64

    /// Each once a minute. They follow a command after ninety seconds, device 3 after seven minutes; device 5 is silent.
    static func simulated(_ number: Int64) -> ThermostatReading {
        let (device, time) = (number % 5, openingMillis + number / 5 * 60_000 + number % 5 * 1000)
        let command = ThermostatCommand.simulated.last {
            $0.device == device && $0.timeMillis <= time - (device == 3 ? 420_000 : 90_000)
        }
        return ThermostatReading(device: device, degrees: command?.degrees ?? 18, timeMillis: time)
    }
}

/// What was wanted of each device and what it reported, side by side. Commands and readings come in no particular order
/// between them; the look at both is taken by event time, five minutes after a command, when all of either has come.
struct CompareTwin: KeyedPairFunction {
    typealias Output = String
    private static let patienceMillis: Int64 = 5 * 60_000

    /// Degrees by time.
    private let wanted: ExpiringMapState<Int64, Int64, Int64>
    private let reported: ExpiringMapState<Int64, Int64, Int64>

    /// A device that is heard of no more is forgotten after a day.
    init(_ state: KeyedStateContext<Int64>) throws {
        wanted = try state.map("wanted", Int64.self, Int64.self, ttl: StateTTL(.days(1)))
        reported = try state.map("reported", Int64.self, Int64.self, ttl: StateTTL(.days(1)))
    }

    mutating func processFirst<Out: Collector>(
        _ command: ThermostatCommand, key device: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        wanted[device, command.timeMillis] = command.degrees
        context.timers.registerEventTime(at: command.timeMillis + Self.patienceMillis, for: device)
    }

    mutating func processSecond<Out: Collector>(
        _ reading: ThermostatReading, key device: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        reported[device, reading.timeMillis] = reading.degrees
        // No timer will ask any more for what lies so far back.
        for time in reported[device].keys where time + Self.patienceMillis <= context.watermarkMillis {
            reported[device, time] = nil
        }
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key device: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        let commanded = millis - Self.patienceMillis
        guard let degrees = wanted[device, commanded] else { return }
        wanted[device, commanded] = nil
        if wanted[device].keys.contains(where: { $0 <= millis }) { return }  // it was told something else since
        let latest = reported[device].filter { commanded < $0.key && $0.key <= millis }.max { $0.key < $1.key }
        guard latest?.value != degrees else { return }
        let instead = latest.map { "is at \($0.value)" } ?? "says nothing"
        try out.collect("\(clock(millis)) device \(device): \(degrees) degrees wanted since \(clock(commanded)), \(instead)")
    }
}

/// Reports thermostats that do not do as they are told: two streams, one function with state that both share.
/// docs/joins.md, docs/state.md
public struct DeviceTwins: PlainJob {
    public static let name = "device-twins"
    public static let summary = "Reports devices that do not follow their commands: two connected streams share state."

    public init() {}

    public func build(_ flow: Flow) {
        let commands = flow.source(CollectionSource(ThermostatCommand.simulated), id: "commands").parallelism(1)
            .watermarks(.monotonic(), at: \.timeMillis).id("command-time").parallelism(1)
        let readings = flow.source(GeneratorSource(count: 330) { ThermostatReading.simulated($0) }, id: "readings").parallelism(1)
            .watermarks(.monotonic(), at: \.timeMillis).id("reading-time").parallelism(1)
        commands.keyed(by: \.device).connected(readings.keyed(by: \.device))
            .process { try CompareTwin($0) }.id("twins")
            .sink(PrintSink())
    }
}
