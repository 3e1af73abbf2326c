/// A flag between a task's outputs and whatever feeds them. Owned by one task thread.
///
/// Raised when an output can take no more: the input loop stops after the record in hand, so that memory
/// is bounded by what one record makes (a `flatMap` of a million is the author's choice).
public final class BackPressure: @unchecked Sendable {  // read and written on the owning task's thread only
    public private(set) var isRaised = false

    public init() {}

    @inlinable public func raise() { set(true) }
    func release() { set(false) }
    @usableFromInline func set(_ raised: Bool) { isRaised = raised }
}
