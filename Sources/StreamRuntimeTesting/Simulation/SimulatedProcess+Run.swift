import Foundation
import StreamRuntime

/// One process of a simulated job: the unmodified runtime, stepped, in a world of its own making.
final class SimulatedProcess {
    let life: ProcessLife
    let host: SimulatedHost
    let run: SteppedRun
    /// Told to end with a last epoch.
    var isStopping = false
    /// The attempt has failed; the process goes on with another one then.
    var nextAttemptNanos: Int64?

    init(
        life: ProcessLife, host: SimulatedHost, job: SimulatedWorkload.Job, disk: SimulatedDisk, keyGroups: Int,
        faults: any FaultInjector, attemptID: @escaping @Sendable () -> AttemptID
    ) throws {
        self.life = life
        self.host = host
        var environment = JobEnvironment(clock: host.world.clock, faults: faults)
        environment.disk = DiskMount(disk: disk, life: life)
        environment.makeAttemptID = attemptID
        run = try SteppedRun(
            jobName: job.name, keyGroups: KeyGroups(count: keyGroups), environment: environment, order: .inTurn
        ) { try job.build($0, host) }
    }

    /// The process is gone.
    func end() {
        life.kill()
        host.store.leave()
        run.abandon()
    }

    /// Waits, in real time, until all that runs beside this thread waits for the world: from here on only the world decides
    /// what happens next.
    func quiesce() {
        while run.isRunning, run.requestsInFlight != host.store.waiting { usleep(5) }
        host.store.pass(to: host.storage, trace: host.world.trace) { [weak self] in self?.quiesce() }
    }
}
