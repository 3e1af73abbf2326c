// The ends of chains that lead into an exchange. Each writes records into the output gate's batches.

/// To the subtask that owns the record's key group.
public struct KeyRouter<Element, Key: StreamKey>: Collector {
    @usableFromInline let gate: OutputGate
    @usableFromInline let cursors: UnsafeMutablePointer<OutputGate.Cursor>
    @usableFromInline let groups: KeyGroups
    /// Key group → subtask. Owned by the gate's task; freed on `close`.
    @usableFromInline let targets: UnsafeMutablePointer<UInt16>
    @usableFromInline let key: @Sendable (Element) -> Key

    @inlinable init(_ gate: OutputGate, _ groups: KeyGroups, _ key: @escaping @Sendable (Element) -> Key) {
        self.gate = gate
        self.groups = groups
        self.key = key
        cursors = gate.cursors
        targets = .allocate(capacity: groups.count)
        for group in 0..<groups.count {
            targets[group] = UInt16(groups.subtask(of: group, parallelism: gate.targetCount))
        }
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Element) throws {
        let target = Int(targets[groups.group(ofHash: key(element).stableHash)])
        let cursor = cursors + target
        let place = cursor.pointee.next
        place.initializeMemory(as: Element.self, to: element)
        cursor.pointee.next = place + MemoryLayout<Element>.stride
        if cursor.pointee.next == cursor.pointee.end { gate.rotate(target) }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {
        if case .close = signal { targets.deallocate() }
    }
}

/// Round robin, a batch to each subtask in turn; to the one of the same index when both sides are equally many.
public struct BatchRouter<Element>: Collector {
    @usableFromInline let gate: OutputGate
    @usableFromInline let cursors: UnsafeMutablePointer<OutputGate.Cursor>
    @usableFromInline var target: Int
    @usableFromInline let isRoundRobin: Bool

    @inlinable init(_ gate: OutputGate, subtask: Int, isRoundRobin: Bool) {
        self.gate = gate
        self.isRoundRobin = isRoundRobin
        cursors = gate.cursors
        target = isRoundRobin ? subtask % gate.targetCount : 0
    }

    @inlinable @inline(__always)
    public mutating func collect(_ element: Element) throws {
        let cursor = cursors + target
        let place = cursor.pointee.next
        place.initializeMemory(as: Element.self, to: element)
        cursor.pointee.next = place + MemoryLayout<Element>.stride
        if cursor.pointee.next == cursor.pointee.end {
            gate.rotate(target)
            if isRoundRobin { target = target &+ 1 == gate.targetCount ? 0 : target &+ 1 }
        }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {}
}

/// To every consumer of a stream that is used more than once.
public struct FanOut<Element>: Collector {
    @usableFromInline var routers: [BatchRouter<Element>]

    @inlinable init(_ routers: [BatchRouter<Element>]) { self.routers = routers }

    @inlinable public mutating func collect(_ element: Element) throws {
        for index in routers.indices { try routers[index].collect(element) }
    }

    @inlinable public mutating func handle(_ signal: ChainSignal) throws {}
}
