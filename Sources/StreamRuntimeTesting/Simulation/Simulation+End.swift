import StreamRuntime

// After the last epoch: can it be restored, and is nothing left behind?
extension Simulation {
    /// Every job goes on from its last decision, without faults, and ends at once.
    func startOnceMore() {
        isQuiet = true
        weather = .fine
        disk.fullUntilNanos = 0
        disk.slowUntilNanos = 0
        if faults.isEmpty { count("restart") }
        for slot in slots {
            for zombie in slot.zombies { zombie.end() }
            slot.zombies = []
        }
        // Requests that are still on their way arrive; transactions of the dead time out.
        world.advance(to: world.now + 2 * SimulationPlan.transactionTimeoutNanos + 10_000_000_000)
        for slot in slots {
            slot.isFinished = false
            slot.startNanos = world.now
        }
        loop { [self] in slots.allSatisfy(\.isFinished) || findings.count(.stuck) > 0 }
        world.advance(to: world.now + 10_000_000_000)
    }

    /// Where the job's genesis decision says that it begins.
    func decidedStart() -> [String: Int] {
        let decisions = broker.partitions(of: SimulatedTransactions.decisionTopic).flatMap(\.committedRecords)
        guard let first = decisions.first, let genesis = try? Decision(json: first), genesis.isGenesis else {
            return firstPositions
        }
        return Dictionary(
            genesis.offsets.map { ($0.position.split, Int($0.position.next)) }, uniquingKeysWith: { first, _ in first })
    }

    func checkWhatIsLeft() {
        for topic in workload.topics.keys.sorted() {
            for (index, partition) in broker.partitions(of: topic).enumerated() where partition.openTransactions > 0 {
                findings.add(.leaked, "\(topic)/\(index) is held back by an open transaction")
            }
        }
        do {
            for slot in slots { try checkFiles(of: JobID(namespace: "default", jobName: slot.job.name)) }
        } catch { findings.add(.leaked, "checkpoints cannot be read: \(error)") }
    }

    private func checkFiles(of job: JobID) throws {
        let mount = DiskMount(disk: disk, life: ProcessLife(number: 0))
        let store = try FileCheckpointStore(root: Self.root, job: job, disk: mount)
        let manifests = try store.manifestNames()
        var named = Set(manifests)
        for name in manifests {
            let manifest = try store.manifest(named: name).manifest
            try store.verify(manifest)
            named.formUnion(manifest.files.map(\.path))
        }
        if manifests.count > plan.retainedCheckpoints {
            findings.add(.leaked, "\(manifests.count) checkpoints, \(plan.retainedCheckpoints) are to be kept")
        }
        let folder = store.folder + "/"
        for path in disk.paths where path.hasPrefix(folder) && !named.contains(String(path.dropFirst(folder.count))) {
            findings.add(.leaked, path)
        }
    }
}
