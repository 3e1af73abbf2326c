import ConnectorKafka
import StreamRuntime
import Testing
import TransactionRules

/// Every order in which events can reach the machine, for three epochs of two writers.
private struct World: Hashable {
    var machine = EpochAlternation()
    var actions: [EpochAlternation.Action] = []
    var ended = [0, 0]
    var flushed = 0
    var committed = 0
    var opened = 0
    var writers = 2

    static let epochs = 3

    func hash(into hasher: inout Hasher) {
        hasher.combine(ended)
        hasher.combine(flushed)
        hasher.combine(committed)
        hasher.combine(opened)
        hasher.combine(actions.count)
    }

    private mutating func note(_ action: EpochAlternation.Action?) {
        if let action { actions.append(action) }
    }

    /// All worlds one event away. The outside performs actions in order, one at a time, at any moment.
    func successors() throws -> [World] {
        var next: [World] = []
        if let action = actions.first {
            var world = self
            world.actions.removeFirst()
            switch action {
            case .open(let epoch):
                // Rule 6: what must hold when an epoch begins to send.
                #expect(epoch.rawValue == 1 || flushed == Int(epoch.rawValue) - 1, "open \(epoch) before the ack")
                #expect(epoch.rawValue < 3 || committed >= Int(epoch.rawValue) - 2, "producer of \(epoch) is busy")
                world.opened = Int(epoch.rawValue)
                world.note(try world.machine.opened(epoch))
            case .flush(let epoch):
                #expect(ended.allSatisfy { $0 >= Int(epoch.rawValue) }, "flush \(epoch) before all writers ended")
                world.flushed = Int(epoch.rawValue)
                world.note(try world.machine.flushed(epoch))
            }
            next.append(world)
        }
        // A writer may end the epoch that is open.
        for writer in ended.indices where ended[writer] == opened - 1 && machine.sending?.rawValue == UInt64(opened) {
            var world = self
            world.ended[writer] += 1
            world.note(try world.machine.writerEnded(Epoch(UInt64(opened))))
            next.append(world)
        }
        // The coordinator commits in order, once acknowledged; anything else is refused.
        let candidate = Epoch(UInt64(committed + 1))
        if flushed >= committed + 1 {
            var world = self
            world.note(try world.machine.committed(candidate))
            world.committed += 1
            next.append(world)
        } else {
            var world = self
            #expect(throws: EpochAlternation.Violation.self) { try world.machine.committed(candidate) }
        }
        var skipped = self
        #expect(throws: EpochAlternation.Violation.self) { try skipped.machine.committed(candidate.next) }
        return next.filter { $0.committed <= World.epochs && $0.opened <= World.epochs + 1 }
    }
}

@Suite struct EpochAlternationTests {
    @Test func everyInterleaving_keepsTheRules_andReachesTheEnd() throws {
        var start = World()
        start.actions = [try start.machine.begin(Epoch(1), writers: 2)]
        var seen: Set<World> = [start]
        var frontier = [start]
        var reachedEnd = false
        while let world = frontier.popLast() {
            let next = try world.successors()
            if world.committed == World.epochs { reachedEnd = true }
            #expect(!next.isEmpty || world.committed == World.epochs, "stuck in \(world)")
            for world in next where seen.insert(world).inserted { frontier.append(world) }
        }
        #expect(reachedEnd)
        #expect(seen.count > 30)
    }

    @Test func wrongCalls_areRefusedWithTheState() throws {
        var machine = EpochAlternation()
        #expect(throws: EpochAlternation.Violation.self) { try machine.begin(.genesis, writers: 1) }
        #expect(throws: EpochAlternation.Violation.self) { try machine.writerEnded(Epoch(1)) }
        _ = try machine.begin(Epoch(8), writers: 1)
        #expect(throws: EpochAlternation.Violation.self) { try machine.begin(Epoch(8), writers: 1) }
        #expect(throws: EpochAlternation.Violation.self) { try machine.writerEnded(Epoch(8)) }
        _ = try machine.opened(Epoch(8))
        #expect(throws: EpochAlternation.Violation.self) { try machine.writerEnded(Epoch(7)) }
        #expect(try machine.writerEnded(Epoch(8)) == .flush(Epoch(8)))
        #expect(try machine.flushed(Epoch(8)) == .open(Epoch(9)))
        #expect(EpochAlternation.producerIndex(of: Epoch(8)) == 0)
    }
}
