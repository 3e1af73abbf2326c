/// All keyed state of one operator in one subtask: its store, its tables, and their part in checkpoints.
/// Owned by the task thread.
public final class OperatorState {
    /// A table without its types.
    @usableFromInline struct Member {
        @usableFromInline let descriptor: StateDescriptor
        let takeChanges: (Bool) -> any StateChanges
        let dirtyCount: () -> Int
        let liveCount: () -> Int
        let memoryBytes: () -> Int
        let shareStore: (Int) -> Void
        let restore: (inout ByteReader, inout ByteReader, Bool) throws -> Void
        let forEach: ((StateKeyBytes, UnsafeRawBufferPointer) throws -> Void) throws -> Void

        @usableFromInline init(
            descriptor: StateDescriptor, takeChanges: @escaping (Bool) -> any StateChanges,
            dirtyCount: @escaping () -> Int, liveCount: @escaping () -> Int, memoryBytes: @escaping () -> Int,
            shareStore: @escaping (Int) -> Void,
            restore: @escaping (inout ByteReader, inout ByteReader, Bool) throws -> Void,
            forEach: @escaping ((StateKeyBytes, UnsafeRawBufferPointer) throws -> Void) throws -> Void
        ) {
            self.descriptor = descriptor
            self.takeChanges = takeChanges
            self.dirtyCount = dirtyCount
            self.liveCount = liveCount
            self.memoryBytes = memoryBytes
            self.shareStore = shareStore
            self.restore = restore
            self.forEach = forEach
        }
    }

    public let operatorID: OperatorID
    public let keyGroups: KeyGroups
    /// The key groups of this subtask.
    @usableFromInline let owned: Range<Int>
    @usableFromInline let fault: StateFault
    /// The task's, shared by all of its states with a TTL.
    @usableFromInline let time: CoarseTime
    private let context: StateStoreContext
    private let backendName: String
    @usableFromInline let store: any StateStore
    @usableFromInline var members: [Member] = []
    /// The tables by the types of their keys.
    @usableFromInline var places: [(key: ObjectIdentifier, core: UnsafeMutablePointer<StateTableCore>, stride: Int)] = []
    private var placeLists: [UnsafeMutableRawPointer] = []
    /// One for each table, by the types of their keys: a `ReadAhead` of that type.
    @usableFromInline var aheads: [(key: ObjectIdentifier, ahead: AnyObject)] = []
    private var isSealed = false
    private let entriesGauge: MetricRegistry.Cell
    private let bytesGauge: MetricRegistry.Cell

    package init(
        _ context: StateStoreContext, backend: any StateBackend, fault: StateFault, time: CoarseTime = CoarseTime()
    ) throws {
        self.context = context
        self.fault = fault
        self.time = time
        operatorID = context.operatorID
        keyGroups = context.keyGroups
        owned = context.owned
        backendName = backend.name
        store = try backend.makeStore(context)
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        entriesGauge = context.metrics.gauge(.stateEntries, labels: labels)
        bytesGauge = context.metrics.gauge(.stateMemory, labels: labels)
    }

    /// Declares a state; a name may be declared once, and only while the operator opens.
    @inlinable func table<Key: StreamKey, Value: StateCodable>(
        _ name: String, _ kind: StateDescriptor.Kind, _: Key.Type, _: Value.Type, lifetimeMillis: Int64? = nil,
        isOver: ((Value) -> Bool)? = nil
    ) throws -> StateTable<Key, Value> {
        let descriptor = StateDescriptor(
            name: name, kind: kind, keySchema: Key.stateSchema, valueSchema: Value.stateSchema,
            lifetimeMillis: lifetimeMillis)
        try admit(descriptor)
        let table = StateTable<Key, Value>(
            descriptor: descriptor, stateID: members.count, keyGroups: keyGroups, store: store, fault: fault)
        places.append((ObjectIdentifier(Key.self), table.core, StateTable<Key, Value>.stride))
        if store.canEvict {
            let ahead = ReadAhead<Key>(store, load: { table.load($0) }, keysMax: { table.slotCountMax / 4 })
            aheads.append((ObjectIdentifier(Key.self), ahead))
        }
        members.append(
            Member(
                descriptor: descriptor,
                takeChanges: { table.takeChanges(complete: $0) },
                dirtyCount: { table.core.pointee.dirtyCount },
                liveCount: { table.count },
                memoryBytes: { table.memoryBytes },
                shareStore: { table.tablesOfStore = $0 },
                restore: { try table.restore(&$0, &$1, markDirty: $2, isOver: isOver) },
                forEach: { try table.forEachEncoded($0) }))
        return table
    }

    /// The same for a state with a time to live.
    @inlinable func table<Key: StreamKey, Value: StateCodable>(
        _ name: String, _ kind: StateDescriptor.Kind, _: Key.Type, _: Value.Type, _ ttl: StateTTL
    ) throws -> ExpiringTable<Key, Value> {
        startTime()
        let lifetime = ttl.lifetime.wholeMillis
        try admit(ttl, of: name)
        let table = try table(name, kind, Key.self, Timed<Value>.self, lifetimeMillis: lifetime) { [time] in
            TimedValue.isOver($0.millis, lifetimeMillis: lifetime, nowMillis: time.millis)
        }
        return ExpiringTable(table, ttl: ttl, time: time)
    }

    /// For an operator whose records have keys of this type.
    @usableFromInline func places<Key: StreamKey>(of _: Key.Type) -> TablePlaces<Key> {
        let found = places.filter { $0.key == ObjectIdentifier(Key.self) }
        let list = UnsafeMutableBufferPointer<TablePlaces<Key>.Place>.allocate(capacity: max(1, found.count))
        for (index, place) in found.enumerated() {
            list.initializeElement(at: index, to: .init(core: place.core, stride: place.stride))
        }
        if let base = list.baseAddress { placeLists.append(UnsafeMutableRawPointer(base)) }
        return TablePlaces(UnsafeBufferPointer(rebasing: list[..<found.count]), ahead: ahead(of: Key.self))
    }

    /// `nil`: nothing is to be read ahead of time (see there).
    @usableFromInline func ahead<Key: StreamKey>(of _: Key.Type) -> ReadAhead<Key>? {
        let found = aheads.filter { $0.key == ObjectIdentifier(Key.self) }
        return found.count == 1 ? found[0].ahead as? ReadAhead<Key> : nil
    }

    deinit { for list in placeLists { list.deallocate() } }

    @usableFromInline func startTime() { time.start(context.clock) }

    @usableFromInline func admit(_ ttl: StateTTL, of name: String) throws {
        guard ttl.lifetime >= .milliseconds(1) else {
            throw GraphError(
                "operator '\(operatorID)' declares state '\(name)' to live for \(ttl.lifetime): a millisecond at least")
        }
    }

    @usableFromInline func admit(_ state: StateDescriptor) throws {
        guard !isSealed else {
            throw GraphError(
                "operator '\(operatorID)' declares state '\(state.name)' after it was opened; declare it where it is made")
        }
        guard !members.contains(where: { $0.descriptor.name == state.name }) else {
            throw GraphError("operator '\(operatorID)' declares state '\(state.name)' twice; give each state its own name")
        }
        try store.declare(state)
    }

    /// Ends the declarations and loads what the checkpoint holds for this subtask's key groups.
    @usableFromInline package func seal() throws {
        isSealed = true
        for member in members { member.shareStore(members.count) }
        let parts = try context.restore.map { RestoredPart(part: $0, ids: try match($0)) }
        try store.restore(parts)
        if !store.canEvict { try fillTables(parts) }
    }

    private func fillTables(_ parts: [RestoredPart]) throws {
        let isSameShare = isSameShare(parts)
        for restored in parts {
            try context.forEachEntry(of: restored) { id, key, value in
                var keyReader = ByteReader(StateKeyLayout.recordKey(key))
                var valueReader = ByteReader(value)
                try members[id].restore(&keyReader, &valueReader, !isSameShare)
            }
        }
    }

    private func isSameShare(_ parts: [RestoredPart]) -> Bool {
        #if WEIR_PLANTED
            if PlantedMistake.filesOfOtherShares.isOn { return true }
        #endif
        return context.reusable(parts, by: backendName) != nil
    }

    /// The declared id of each stored state. One that nobody declares is refused, unless the job accepts that it is lost.
    private func match(_ part: StatePart) throws -> [Int?] {
        try part.states.map { state in
            guard let id = members.firstIndex(where: { $0.descriptor.name == state.name }) else {
                if context.dropsUndeclaredState { return nil }
                throw RecoveryRefusal(
                    "the checkpoint holds state '\(state.name)' of operator '\(operatorID)', which the job no longer declares",
                    remedy: "Declare it again, or accept its loss with --allow-non-restored-state.")
            }
            let declared = members[id].descriptor
            guard state.kind == declared.kind.rawValue, state.keySchema == declared.keySchema,
                state.valueSchema == declared.valueSchema
            else {
                throw RecoveryRefusal(
                    "state '\(state.name)' of operator '\(operatorID)' was stored as \(state.kind) \(state.keySchema) → "
                        + "\(state.valueSchema), the job now declares \(declared.kind.rawValue) \(declared.keySchema) → \(declared.valueSchema)",
                    remedy: "Keep the old encoding, or give the new state another name.")
            }
            return id
        }
    }

    /// In the step, at the barrier: takes the changes out of the tables and hands them over.
    package func snapshot(_ epoch: Epoch) throws -> any PendingSnapshot {
        try fault.check()
        let live = members.reduce(0) { $0 + $1.liveCount() }
        let dirty = members.reduce(0) { $0 + $1.dirtyCount() }
        let complete = !store.canEvict && dirty * 2 >= live
        entriesGauge.set(live)
        bytesGauge.set(members.reduce(0) { $0 + $1.memoryBytes() })
        return try store.snapshot(epoch, members.map { $0.takeChanges(complete) }, liveEntries: live)
    }

    package func close() { store.close() }
}
