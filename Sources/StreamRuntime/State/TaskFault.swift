import Foundation

/// The fault of the task whose step the thread takes: for what can neither throw nor be given the task, as an `Aggregate`.
@usableFromInline enum TaskFault {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// A step begins on this thread; `leave` follows. The task keeps `fault` meanwhile.
    static func enter(_ fault: StateFault) { pthread_setspecific(key, Unmanaged.passUnretained(fault).toOpaque()) }
    static func leave() { pthread_setspecific(key, nil) }

    /// Fails the task after the record in hand. Outside a step nobody would notice: there it ends the process.
    @inline(never)
    @usableFromInline static func record(_ error: any Error) {
        guard let fault = pthread_getspecific(key) else { preconditionFailure("\(error)") }
        Unmanaged<StateFault>.fromOpaque(fault).takeUnretainedValue().record(error)
    }
}

/// A sum of integers left the range of their type. A restart would meet the same records again.
public struct SumOverflow: UnrestartableError, CustomStringConvertible {
    /// The type of the numbers.
    public let type: String

    @usableFromInline init(_ type: Any.Type) { self.type = "\(type)" }

    public var description: String {
        "a sum of numbers of type \(type) overflows: refuse amounts that cannot be before they are added, or sum a wider type"
    }
}

/// Sums of which an overflow fails the task. As fast as `+`, which ends the process.
@usableFromInline enum CheckedSum {
    /// The types are compared where the code is specialised, not where it runs.
    @inlinable @inline(__always)
    static func of<Number: AdditiveArithmetic>(_ a: Number, _ b: Number) -> Number {
        if Number.self == Int.self { return whole(a, b, Int.self) }
        if Number.self == Int64.self { return whole(a, b, Int64.self) }
        if Number.self == Int32.self { return whole(a, b, Int32.self) }
        if Number.self == UInt64.self { return whole(a, b, UInt64.self) }
        if Number.self == UInt32.self { return whole(a, b, UInt32.self) }
        if Number.self == Int16.self { return whole(a, b, Int16.self) }
        if Number.self == UInt16.self { return whole(a, b, UInt16.self) }
        if Number.self == UInt8.self { return whole(a, b, UInt8.self) }
        return a + b
    }

    @inlinable @inline(__always)
    static func whole<Number, Whole: FixedWidthInteger>(_ a: Number, _ b: Number, _: Whole.Type) -> Number {
        let (sum, overflow) = unsafeBitCast(a, to: Whole.self).addingReportingOverflow(unsafeBitCast(b, to: Whole.self))
        if overflow { TaskFault.record(SumOverflow(Whole.self)) }
        return unsafeBitCast(sum, to: Number.self)
    }
}
