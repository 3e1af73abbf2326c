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
        entriesGauge = context.metrics.gauge(
            "weir_state_entries", help: "State entries held in memory.", labels: labels)
        bytesGauge = context.metrics.gauge(
            "weir_state_memory_bytes", help: "Memory of the state tables.", labels: labels)
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
        let table = try table(name, kind, Key.self, Timed<Value>.self, lifetimeMillis: lifetime) { [time] in
            TimedValue.isOver($0.millis, lifetimeMillis: lifetime, nowMillis: time.millis)
        }
        return ExpiringTable(table, ttl: ttl, time: time)
    }

    @usableFromInline func startTime() { time.start(context.clock) }

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
        // After a change of parallelism the old files cover other key groups, after a change of the backend they
        // are of another form: everything is written afresh.
        let isSameShare = context.restore.count == 1 && context.restore[0].keyGroups == context.owned
            && context.restore[0].backend == backendName
        for part in context.restore {
            let ids = try match(part)
            guard !store.canEvict else { continue }
            try context.reader(part.backend).forEachEntry(of: part, in: context.files, keyGroups: context.owned) {
                key, value in
                guard let id = ids[StateKeyLayout.stateID(key)] else { return }
                var keyReader = ByteReader(UnsafeRawBufferPointer(rebasing: key[StateKeyLayout.headerBytes...]))
                var valueReader = ByteReader(value)
                try members[id].restore(&keyReader, &valueReader, !isSameShare)
            }
        }
    }

    /// Stored state id → declared state id. A stored state nobody declares is refused: dropping it is loss.
    private func match(_ part: StatePart) throws -> [Int: Int] {
        var ids: [Int: Int] = [:]
        for (stored, state) in part.states.enumerated() {
            guard let id = members.firstIndex(where: { $0.descriptor.name == state.name }) else {
                throw RecoveryRefusal(
                    "the checkpoint holds state '\(state.name)' of operator '\(operatorID)', which the job no longer declares",
                    remedy: "Declare it again, or start over with an empty checkpoint folder.")
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
            guard stored == id || !store.canEvict else {
                throw RecoveryRefusal(
                    "operator '\(operatorID)' declares its states in another order than the checkpoint has them",
                    remedy: "Declare '\(state.name)' at position \(stored + 1) again.")
            }
            ids[stored] = id
        }
        return ids
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
