import StreamRuntime

/// What the way to the broker does to requests and answers.
struct NetworkWeather {
    /// Of each: a request that never arrives, an answer that never arrives, a request that arrives when nobody waits for its
    /// answer any more.
    var lossProbability = 0.0
    var lateProbability = 0.0
    var untilNanos: Int64 = 0

    static let fine = NetworkWeather()
}

/// A process's way to the broker. Calls block the process, not the world. The simulation's thread only.
final class BrokerConnection {
    let broker: SimulatedBroker
    let life: ProcessLife
    let weather: () -> NetworkWeather
    private var world: SimulatedWorld { broker.world }

    static let timeoutNanos: Int64 = 1_000_000_000

    init(_ broker: SimulatedBroker, _ life: ProcessLife, weather: @escaping () -> NetworkWeather) {
        self.broker = broker
        self.life = life
        self.weather = weather
    }

    struct TimedOut: Error, CustomStringConvertible {
        let call: StaticString
        var description: String { "\(call): the broker did not answer" }
    }

    func latency() -> Int64 { world.number(in: 50_000...(world.chance(0.05) ? 60_000_000 : 2_000_000) as ClosedRange<Int64>) }

    /// Once: `TimedOut` says nothing about the effect.
    func call<Answer>(_ name: StaticString, _ request: @escaping () throws -> Answer) throws -> Answer {
        try life.check()
        let weather = weather()
        if world.chance(weather.lossProbability) {
            let hasEffect = world.chance(0.5)
            world.trace.note("an answer or a request is lost", process: life.number, hasEffect ? 1 : 0, detail: "\(name)")
            world.pause(latency())
            if hasEffect { _ = try? request() }
            try wait(Self.timeoutNanos)
            throw TimedOut(call: name)
        }
        if world.chance(weather.lateProbability) {
            world.trace.note("a request is late", process: life.number, detail: "\(name)")
            world.after(Self.timeoutNanos + world.number(in: 1_000_000...3_000_000_000 as ClosedRange<Int64>)) { [world] in
                world.trace.note("a late request arrives", detail: "\(name)")
                _ = try? request()
            }
            try wait(Self.timeoutNanos)
            throw TimedOut(call: name)
        }
        try wait(latency())
        let answer = Result { try request() }
        try wait(latency())
        return try answer.get()
    }

    /// Until it is answered, with anything but "ask again", or the limit is reached. `hasDoubt`: some request of it was not
    /// answered, and may still arrive.
    func retrying<Answer>(
        _ name: StaticString, limitNanos: Int64, hasDoubt: inout Bool, _ request: @escaping () throws -> Answer
    ) throws -> Answer {
        let deadline = world.now + limitNanos
        while true {
            do {
                return try call(name, request)
            } catch let error as TimedOut {
                hasDoubt = true
                if world.now >= deadline { throw error }
            } catch BrokerError.retriable(let what) {
                if world.now >= deadline { throw BrokerError.retriable(what) }
                try wait(world.number(in: 1_000_000...20_000_000 as ClosedRange<Int64>))
            }
        }
    }

    private func wait(_ nanos: Int64) throws {
        world.pause(nanos)
        try life.check()
    }
}
