import StreamRuntime

/// A workload under one seed: the whole runtime on one thread, in virtual time, with everything it rests on simulated and
/// going wrong. The same seed gives the same run.
public final class Simulation: @unchecked Sendable {  // its thread's only
    /// What has come of a seed.
    public struct Report: Sendable {
        public let seed: UInt64
        public let workload: String
        public let records: Int
        /// Epochs decided.
        public let checkpoints: Int
        public let starts: Int
        public let faults: [String: Int]
        /// How often each point was met, and how often a fault happened there.
        public let points: [FaultPoint: Int]
        public let faultedPoints: [FaultPoint: Int]
        public let virtualSeconds: Double
        /// Of everything that happened, in order.
        public let hash: UInt64
        public let findings: SimulationFindings
        /// Empty unless asked for.
        public let trace: [String]

        public var faultCount: Int { faults.values.reduce(0, +) }
    }

    /// One job and the processes it has.
    final class Slot {
        let job: SimulatedWorkload.Job
        var current: SimulatedProcess?
        /// Superseded, and not aware of it.
        var zombies: [SimulatedProcess] = []
        var startNanos: Int64 = 0
        var failuresInARow = 0
        var lastFailure = ""
        var decided = Epoch.genesis
        /// There has been nothing to read since then.
        var restedSinceNanos: Int64 = 0
        var isFinished = false

        init(_ job: SimulatedWorkload.Job) { self.job = job }
    }

    let seed: UInt64
    let workload: SimulatedWorkload
    let plan: SimulationPlan
    let world: SimulatedWorld
    let broker: SimulatedBroker
    let disk: SimulatedDisk
    let storage: SimulatedStore
    let slots: [Slot]
    var weather = NetworkWeather.fine
    var findings = SimulationFindings()
    var faults: [String: Int] = [:]
    var points: [FaultPoint: Int] = [:]
    var faultedPoints: [FaultPoint: Int] = [:]
    /// Point faults that have not happened.
    var pendingAtPoints: [SimulationPlan.AtPoint]
    var pendingTimed: [SimulationPlan.Timed]
    /// An operator has to clear offsets by hand before the job goes on.
    var expectsRefusal = false
    var isQuiet = false
    var stallDepth = 0
    var processes = 0
    /// By split: where the first start began that is decided.
    var firstPositions: [String: Int] = [:]
    private var starts = 0
    private var checkpoints = 0
    private var unfed = 0

    /// What was read makes its way through the job, and watermarks too.
    private static let restNanos: Int64 = 300_000_000
    static let root = "checkpoints"
    /// Virtual; nothing that a plan contains takes as long.
    private static let limitNanos: Int64 = 400_000_000_000
    private static let epochsMin: UInt64 = 3
    private static let roundsMax = 4_000_000

    init(seed: UInt64, workload: SimulatedWorkload, recordsTrace: Bool) {
        self.seed = seed
        self.workload = workload
        plan = SimulationPlan(seed: seed, decidesOnBroker: workload.jobs.allSatisfy(\.decidesOnBroker))
        world = SimulatedWorld(seed: seed, recordsTrace: recordsTrace)
        broker = SimulatedBroker(world)
        disk = SimulatedDisk(world)
        storage = SimulatedStore(world, seed: seed)
        slots = workload.jobs.map(Slot.init)
        pendingTimed = plan.timed
        pendingAtPoints = plan.atPoints
    }

    /// Runs a seed to its end; never throws: whatever goes wrong is a finding.
    public static func run(seed: UInt64, _ workload: SimulatedWorkload, recordsTrace: Bool = false) -> Report {
        Simulation(seed: seed, workload: workload, recordsTrace: recordsTrace).run()
    }

    private func run() -> Report {
        for (topic, partitions) in workload.topics.sorted(by: { $0.key < $1.key }) {
            broker.addTopic(topic, partitions: partitions)
        }
        var random = SimulationRandom(seed: seed ^ 0x5EED)
        let inputs = workload.feed(&random)
        feed(inputs)
        runToEnd()
        if findings.count(.stuck) == 0 {
            startOnceMore()
            checkWhatIsLeft()
            let result = SimulationResult(
                broker: broker, storage: storage, inputs: inputs, firstPositions: decidedStart())
            workload.check(result, &findings)
        }
        for slot in slots {
            slot.current?.end()
            for zombie in slot.zombies { zombie.end() }
        }
        world.end()
        return Report(
            seed: seed, workload: workload.name, records: inputs.count, checkpoints: checkpoints, starts: starts,
            faults: faults, points: points, faultedPoints: faultedPoints, virtualSeconds: Double(world.now) / 1e9,
            hash: world.trace.hash,
            findings: findings, trace: world.trace.lines)
    }

    /// Records arrive one after the other, in bursts.
    private func feed(_ inputs: [SimulatedWorkload.Input]) {
        unfed = inputs.count
        guard !inputs.isEmpty else { return }
        let gap = plan.feedNanos / Int64(inputs.count)
        var index = 0
        while index < inputs.count {
            let burst = inputs[index..<min(inputs.count, index + world.number(in: 1...40))]
            world.at(Int64(index) * gap) { [self] in
                for input in burst { broker.partition(input.topic, input.partition).append(input.bytes) }
                unfed -= burst.count
            }
            index += burst.count
        }
    }

    // MARK: The loop

    private func runToEnd() {
        loop { [self] in slots.allSatisfy(\.isFinished) || findings.count(.stuck) > 0 }
    }

    /// Also run while a process stands still: the world goes on without it.
    func loop(until isOver: () -> Bool) {
        var rounds = 0
        while !isOver() {
            rounds += 1
            guard world.now < Self.limitNanos, rounds < Self.roundsMax else {
                let state = slots.filter { !$0.isFinished }.map { "\($0.job.name) at epoch \($0.decided), \($0.lastFailure)" }
                return findings.add(.stuck, "not at its end after \(world.now / 1_000_000_000) s: \(state)")
            }
            happen()
            var progressed = false
            for slot in slots where !slot.isFinished { progressed = turn(slot) || progressed }
            progressed = world.runDue() || progressed
            letTimePass(progressed)
        }
    }

    private func letTimePass(_ progressed: Bool) {
        var next = world.now + world.number(in: 0...300_000 as ClosedRange<Int64>)
        if !progressed {
            let wanted = slots.flatMap { slot in
                ([slot.current].compactMap { $0 } + slot.zombies).map { $0.nextAttemptNanos ?? $0.run.deadlineNanos }
                    + (slot.current == nil ? [slot.startNanos] : [])
            }
            let moment = min(world.nextEventNanos, wanted.min() ?? .max, pendingTimed.first?.nanos ?? .max)
            next = max(next, min(moment, world.now + 50_000_000))
        }
        world.advance(to: next)
    }

    private func turn(_ slot: Slot) -> Bool {
        for zombie in slot.zombies { step(zombie, slot) }
        if let process = slot.current, process.life.isDead { remove(process, slot) }
        guard let process = slot.current else {
            guard world.now >= slot.startNanos else { return false }
            start(slot)
            return true
        }
        if let next = process.nextAttemptNanos {
            guard world.now >= next else { return false }
            process.nextAttemptNanos = nil
            startAttempt(process, slot)
            return true
        }
        if !mayStop(slot) {
            slot.restedSinceNanos = world.now
        } else if !process.isStopping, world.now - slot.restedSinceNanos > Self.restNanos {
            process.isStopping = true
            process.run.requestStop(drain: true)
        }
        return step(process, slot)
    }

    /// Everything has arrived, everything there is has been read, and there were checkpoints enough.
    private func mayStop(_ slot: Slot) -> Bool {
        guard unfed == 0, slot.decided.rawValue >= Self.epochsMin else { return false }
        guard let process = slot.current, process.run.isRunning else { return false }
        guard slots.prefix(while: { $0 !== slot }).allSatisfy(\.isFinished) else { return false }
        return slot.job.reads.allSatisfy { topic in
            broker.partitions(of: topic).enumerated().allSatisfy { index, partition in
                process.host.consumed["\(topic)/\(index)"] ?? -1 >= partition.end
            }
        }
    }

    // MARK: Processes

    private func start(_ slot: Slot) {
        processes += 1
        let life = ProcessLife(number: processes)
        let host = SimulatedHost(
            world: world, broker: broker, storage: storage, life: life, weather: { [unowned self] in currentWeather },
            workload: workload, job: slot.job, transactionTimeoutNanos: SimulationPlan.transactionTimeoutNanos)
        let faults = SimulatedFaults(life) { [unowned self, unowned life] point in try meet(point, life, slot) }
        do {
            let process = try SimulatedProcess(
                life: life, host: host, job: slot.job, disk: disk, keyGroups: plan.keyGroups, faults: faults,
                attemptID: { [unowned self] in makeAttemptID() })
            slot.current = process
            startAttempt(process, slot)
        } catch {
            findings.add(.stuck, "\(slot.job.name) has a graph that is refused: \(error)")
            slot.isFinished = true
        }
    }

    private func makeAttemptID() -> AttemptID {
        starts += 1
        #if WEIR_PLANTED
            let number = PlantedMistake.reusedCheckpointNames.isOn ? 1 : starts
        #else
            let number = starts
        #endif
        return AttemptID(hexDigits(UInt64(number))) ?? .random()
    }

    private func startAttempt(_ process: SimulatedProcess, _ slot: Slot) {
        var options = JobOptions()
        options.parallelism = world.number(in: 1...plan.parallelismMax)
        options.keyGroups = KeyGroups(count: plan.keyGroups)
        options.checkpointRoot = Self.root
        options.workRoot = "/nonexistent/weir-simulation"
        options.checkpointIntervalMillis = plan.checkpointIntervalMillis
        options.epochTimeoutMillis = SimulationPlan.epochTimeoutMillis
        options.retainedCheckpoints = plan.retainedCheckpoints
        options.batchRecords = plan.batchRecords
        options.latencyIntervalMillis = 0  // nothing is measured in virtual time
        process.isStopping = false
        world.trace.note("start", process: process.life.number, Int64(options.parallelism), detail: slot.job.name)
        let order = TaskOrder.shuffled(SeededGenerator(seed: world.random.next()))
        act(process, slot) { try process.run.start(options, order: order) }
    }

    @discardableResult
    private func step(_ process: SimulatedProcess, _ slot: Slot) -> Bool {
        var progressed = false
        act(process, slot) { progressed = try process.run.step() }
        let decided = process.run.lastDecidedEpoch
        if slot.current === process, decided > slot.decided {
            // Of some the process that decided them did not live to tell.
            checkpoints += Int(decided.rawValue - slot.decided.rawValue)
            slot.decided = decided
            slot.failuresInARow = 0
        }
        return progressed
    }

    /// Something that runs inside the process, and what becomes of the process by it.
    private func act(_ process: SimulatedProcess, _ slot: Slot, _ body: () throws -> Void) {
        let before = world.meanwhile
        world.meanwhile = { [unowned process] in
            _ = process.run.stepTasks()
            process.quiesce()
        }
        defer { world.meanwhile = before }
        do {
            try body()
            process.quiesce()
            if process.life.isDead {
                remove(process, slot)
            } else if !process.run.isRunning, slot.current !== process {
                remove(process, slot)
            } else if !process.run.isRunning, process.isStopping {
                world.trace.note("finished", process: process.life.number, Int64(process.run.lastDecidedEpoch.rawValue))
                slot.isFinished = true
                slot.decided = process.run.lastDecidedEpoch
                slot.current = nil
                process.end()
            }
        } catch { failed(process, slot, error) }
    }

    private func failed(_ process: SimulatedProcess, _ slot: Slot, _ error: any Error) {
        world.trace.note("failed", process: process.life.number, detail: "\(error)")
        process.quiesce()
        if process.life.isDead || slot.current !== process { return remove(process, slot) }
        slot.failuresInARow += 1
        slot.lastFailure = "\(error)"
        if let refusal = error as? RecoveryRefusal {
            guard expectsRefusal, refusal.remedy.contains("delete") else {
                return findings.add(.stuck, "\(slot.job.name) refuses to start: \(refusal)")
            }
            // What the refusal advises.
            world.trace.note("operator deletes the offsets")
            expectsRefusal = false
            broker.expireOffsets { _ in true }
        } else if error is any UnrestartableError || slot.failuresInARow > 60 {
            return findings.add(.stuck, "\(slot.job.name) fails again and again: \(error)")
        }
        process.nextAttemptNanos = world.now + world.number(in: 50_000_000...1_500_000_000 as ClosedRange<Int64>)
    }

    func remove(_ process: SimulatedProcess, _ slot: Slot) {
        process.end()
        if slot.current === process {
            slot.current = nil
            slot.startNanos = world.now + world.number(in: 10_000_000...3_000_000_000 as ClosedRange<Int64>)
        }
        slot.zombies.removeAll { $0 === process }
    }

    private var currentWeather: NetworkWeather { world.now < weather.untilNanos ? weather : .fine }
}
