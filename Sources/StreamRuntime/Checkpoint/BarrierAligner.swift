/// Decides when a task has seen a barrier on all of its inputs. Pure: no I/O, no time.
///
/// Invariants (rule 1, aligned barriers):
/// A1. Between the first and the last barrier of an epoch, nothing is read from an input that has
///     delivered its barrier: its later records belong to the next epoch.
/// A2. The task's snapshot is taken after the last barrier and before any later record.
/// A3. Epochs arrive in order on each input; any other order is a broken runtime and stops the task.
package struct BarrierAligner {
    package enum Outcome: Equatable {
        /// Do not read this input until the epoch is aligned.
        case wait
        /// Every input has delivered the barrier: snapshot, forward it, then read on everywhere.
        case aligned(Epoch)
    }
    package struct OutOfOrder: Error, CustomStringConvertible {
        package let description: String
    }

    private let inputCount: Int
    private var delivered: Set<Int> = []
    package private(set) var aligning: Epoch?

    package init(inputCount: Int) { self.inputCount = inputCount }

    package func isHeld(_ input: Int) -> Bool { aligning != nil && delivered.contains(input) }

    package mutating func barrier(_ epoch: Epoch, from input: Int) throws -> Outcome {
        if let aligning, aligning != epoch {
            throw OutOfOrder(description: "input \(input) delivered barrier \(epoch) while epoch \(aligning) is being aligned")
        }
        guard delivered.insert(input).inserted else {
            throw OutOfOrder(description: "input \(input) delivered barrier \(epoch) twice")
        }
        #if WEIR_PLANTED
            if PlantedMistake.unalignedBarriers.isOn {
                if delivered.count == inputCount { delivered.removeAll() }
                return delivered.count == 1 || inputCount == 1 ? .aligned(epoch) : .wait
            }
        #endif
        aligning = epoch
        guard delivered.count == inputCount else { return .wait }
        delivered.removeAll(keepingCapacity: true)
        aligning = nil
        return .aligned(epoch)
    }
}
