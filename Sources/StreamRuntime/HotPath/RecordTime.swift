/// The event time of the record that is being processed, beside the record instead of in it: streams without
/// event time pay nothing for it. Set by the input loop, by whoever assigns timestamps, and by operators
/// before they emit a result of their own (a window sets its end). Owned by one task thread.
public final class RecordTime: @unchecked Sendable {  // read and written on the owning task's thread only
    // Behind a pointer: touched once a record, where a class property would cost an exclusivity check.
    @usableFromInline let cell: UnsafeMutablePointer<Int64>

    public init() {
        cell = .allocate(capacity: 1)
        cell.initialize(to: .min)
    }

    deinit { cell.deallocate() }

    /// Milliseconds since 1970-01-01 UTC; `Int64.min` in a stream without event time.
    @inlinable public var millis: Int64 {
        get { cell.pointee }
        set { cell.pointee = newValue }
    }
}
