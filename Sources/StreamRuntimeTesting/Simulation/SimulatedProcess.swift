import StreamRuntime

/// One process of a simulation: what it has of disk, network and memory is gone when it is killed. Requests it has sent
/// are not. The simulation's thread only, except `isDead`.
final class ProcessLife: @unchecked Sendable {  // the simulation's thread only
    let number: Int
    private(set) var isDead = false

    init(number: Int) { self.number = number }

    func kill() { isDead = true }

    /// Thrown at whatever the process tries to do after its end.
    func check() throws {
        if isDead { throw SimulatedCrash() }
    }
}

/// The end of a simulated process.
struct SimulatedCrash: Error, CustomStringConvertible {
    var description: String { "the process was killed" }
}

/// What a process meets on its way, handed to the simulation.
final class SimulatedFaults: FaultInjector, @unchecked Sendable {  // the simulation's thread only
    private let life: ProcessLife
    private let meet: (FaultPoint) throws -> Void

    init(_ life: ProcessLife, _ meet: @escaping (FaultPoint) throws -> Void) {
        self.life = life
        self.meet = meet
    }

    func reached(_ point: FaultPoint) throws {
        try life.check()
        try meet(point)
        try life.check()
    }
}
