import CRocksDB
import Foundation
import StreamRuntime
import Synchronization

/// Drops values whose time to live is over while RocksDB compacts. A dropped value becomes a removal as long as an
/// older one may lie below it, so that nothing old comes to light.
///
/// The lifetimes are known only once the operator has declared its states, after the database was opened; until then
/// nothing is dropped. Called by compaction threads.
final class ExpiryFilter: Sendable {
    private let clock: any RuntimeClock
    private let isUsed = Atomic<Bool>(false)
    /// By state id; `nil`: the state has no TTL.
    private let lifetimesMillis = Mutex<[Int64?]>([])

    init(_ clock: any RuntimeClock) { self.clock = clock }

    /// States are declared in the order of their ids.
    func declare(_ lifetimeMillis: Int64?) {
        lifetimesMillis.withLock { $0.append(lifetimeMillis) }
        if lifetimeMillis != nil { isUsed.store(true, ordering: .releasing) }
    }

    func isOver(_ key: StateKeyBytes, _ value: UnsafeRawBufferPointer) -> Bool {
        guard isUsed.load(ordering: .acquiring), key.count >= StateKeyLayout.headerBytes else { return false }
        let id = StateKeyLayout.stateID(key)
        guard let lifetime = lifetimesMillis.withLock({ id < $0.count ? $0[id] : nil }) else { return false }
        return TimedValue.isOver(value, lifetimeMillis: lifetime, nowMillis: clock.wallMillis())
    }

    /// The C object, which keeps this one alive until it is destroyed.
    func makeCompactionFilter() -> OpaquePointer {
        rocksdb_compactionfilter_create(
            Unmanaged.passRetained(self).toOpaque(),
            { state in
                if let state { Unmanaged<ExpiryFilter>.fromOpaque(state).release() }
            },
            { state, _, key, keyCount, value, valueCount, _, _, _ in
                guard let state, let key, let value else { return 0 }
                let filter = Unmanaged<ExpiryFilter>.fromOpaque(state).takeUnretainedValue()
                let isOver = filter.isOver(
                    UnsafeRawBufferPointer(start: key, count: keyCount),
                    UnsafeRawBufferPointer(start: value, count: valueCount))
                return isOver ? 1 : 0
            },
            { _ in ExpiryFilter.name })
    }

    /// RocksDB keeps the pointer: it is never freed.
    private nonisolated(unsafe) static let name: UnsafePointer<CChar>? = "weir.state-ttl".withCString { text in
        UnsafePointer(strdup(text))
    }
}
