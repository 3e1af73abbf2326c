import StreamRuntime

// What goes wrong, and when.
extension Simulation {
    /// Whatever the plan has for this moment.
    func happen() {
        while let next = pendingTimed.first, next.nanos <= world.now, !isQuiet {
            pendingTimed.removeFirst()
            // The first job that runs; a plan does not know how many there are.
            let running = slots.filter { $0.current != nil && !$0.isFinished }
            happen(next.event, running.isEmpty ? slots[0] : running[world.number(in: 0...(running.count - 1))])
        }
    }

    private func happen(_ event: SimulationPlan.Event, _ slot: Slot) {
        switch event {
        case .crash(let ofComputer):
            guard let process = slot.current else { return }
            kill(process.life, ofComputer: ofComputer)
        case .stall:
            guard let process = slot.current, mayStall(slot, process.life) else { return }
            stall(process, slot)
        case .network(let loss, let late, let millis):
            count("network")
            weather = NetworkWeather(
                lossProbability: Double(loss) / 100, lateProbability: Double(late) / 100,
                untilNanos: world.now + millis * 1_000_000)
        case .coordinatorMoves(let millis):
            count("coordinator moves")
            broker.failOver(forNanos: millis * 1_000_000)
        case .diskFull(let millis):
            count("disk full")
            disk.fullUntilNanos = world.now + millis * 1_000_000
        case .diskSlow(let millis):
            count("disk slow")
            disk.slowUntilNanos = world.now + millis * 1_000_000
        case .clockJump(let millis):
            count("clock jump")
            world.clock.setWall(byMillis: millis)
        case .offsetsExpire(let one): expireOffsets(slot, one: one)
        case .storeTrouble(let throttled, let unanswered, let millis):
            count("store trouble")
            storage.throttledProbability = Double(throttled) / 100
            storage.unansweredProbability = Double(unanswered) / 100
            world.after(millis * 1_000_000) { [storage] in
                storage.throttledProbability = 0
                storage.unansweredProbability = 0
            }
        }
    }

    func count(_ fault: String) {
        faults[fault, default: 0] += 1
        world.trace.note("fault", Int64(faults.count), detail: fault)
    }

    private func kill(_ life: ProcessLife, ofComputer: Bool) {
        // Those who sleep have computers of their own, and the disk is not theirs alone.
        let diskToo = ofComputer && slots.count == 1 && slots.allSatisfy { $0.zombies.isEmpty } && stallDepth == 0
        count(diskToo ? "computer crash" : "process crash")
        life.kill()
        if diskToo { disk.crash() }
    }

    /// The job is down while the broker forgets its offsets.
    private func expireOffsets(_ slot: Slot, one: Bool) {
        guard let process = slot.current, slots.count == 1 else { return }
        kill(process.life, ofComputer: false)
        remove(process, slot)
        // What was decided is complete by then.
        world.after(2_500_000_000) { [self] in
            count(one ? "one offset deleted" : "offsets expired")
            let places = broker.committedPlaces
            guard one, places.count > 1 else { return broker.expireOffsets { _ in true } }
            let victim = world.pick(places)
            broker.expireOffsets { $0 == victim }
            expectsRefusal = true
        }
        slot.startNanos = world.now + 3_000_000_000
    }

    // MARK: Points

    /// A process has come to a point of the protocol.
    func meet(_ point: FaultPoint, _ life: ProcessLife, _ slot: Slot) throws {
        points[point, default: 0] += 1
        if point == .genesisDecided, let host = slot.current?.host, host.life === life {
            firstPositions.merge(host.discovered) { first, _ in first }
        }
        guard !isQuiet, slot.current?.life === life else { return }
        let hit = points[point] ?? 0
        guard let index = pendingAtPoints.firstIndex(where: { $0.point == point && hit >= $0.hit }) else { return }
        let fault = pendingAtPoints[index]
        world.trace.note("at", process: life.number, Int64(hit), detail: point.rawValue)
        switch fault.event {
        case .crash(let ofComputer):
            pendingAtPoints.remove(at: index)
            faultedPoints[point, default: 0] += 1
            kill(life, ofComputer: ofComputer)
        case .stall:
            guard let process = slot.current, mayStall(slot, life) else { return }
            pendingAtPoints.remove(at: index)
            faultedPoints[point, default: 0] += 1
            stall(process, slot)
        default: return
        }
    }

    private func mayStall(_ slot: Slot, _ life: ProcessLife) -> Bool {
        stallDepth == 0 && slot.job.decidesOnBroker && !life.isDead
    }

    /// The process stops where it is, with everything it has on its stack. Another one takes over; the world goes on. Then
    /// this one wakes up, and believes that it still is the one.
    private func stall(_ process: SimulatedProcess, _ slot: Slot) {
        count("zombie")
        slot.current = nil
        slot.startNanos = world.now + world.number(in: 10_000_000...1_000_000_000 as ClosedRange<Int64>)
        stallDepth += 1
        let before = world.meanwhile
        let decided = slot.decided.rawValue + UInt64(world.number(in: 1...4))
        let limit = world.now + world.number(in: 1_000_000_000...12_000_000_000 as ClosedRange<Int64>)
        loop { [self] in
            world.now >= limit || slot.decided.rawValue >= decided || slot.isFinished || findings.count(.stuck) > 0
        }
        world.meanwhile = before
        stallDepth -= 1
        world.trace.note("wakes up", process: process.life.number)
        if !process.life.isDead { slot.zombies.append(process) }
    }
}
