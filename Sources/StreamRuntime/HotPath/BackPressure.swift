/// A flag between a task's outputs and whatever feeds them. Owned by one task thread.
///
/// Raised when an output can take no more: the input loop stops after the record in hand, so that memory
/// is bounded by what one record makes (a `flatMap` of a million is the author's choice).
public final class BackPressure: @unchecked Sendable {  // read and written on the owning task's thread only
    // Behind a pointer: looked at once a record, where a class property would cost an exclusivity check.
    @usableFromInline let flag: UnsafeMutablePointer<Bool>

    public init() {
        flag = .allocate(capacity: 1)
        flag.initialize(to: false)
    }

    deinit { flag.deallocate() }

    @inlinable public var isRaised: Bool { flag.pointee }
    @inlinable public func raise() { flag.pointee = true }
    func release() { flag.pointee = false }
}
