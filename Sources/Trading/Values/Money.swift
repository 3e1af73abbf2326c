/// An amount of money in units of 1/10 000 of the currency. May be negative (a difference); never a Double.
public struct Money: Hashable, Comparable, Sendable {
    /// The amount in units of 1/10 000.
    public let units: Int64

    /// An amount of `units` ten-thousandths.
    @inlinable
    public init(units: Int64) {
        self.units = units
    }

    /// Reads text such as `189.25`, at most four decimals. Throws the reason it is not an amount.
    public init(_ text: String) throws(DecimalFault) {
        units = try FixedPoint.parse(text).get()
    }

    /// No money.
    public static let zero = Money(units: 0)

    /// The sum, or nil when it does not fit.
    @inlinable
    public func adding(_ other: Money) -> Money? {
        let (sum, overflow) = units.addingReportingOverflow(other.units)
        return overflow ? nil : Money(units: sum)
    }

    /// The difference, or nil when it does not fit.
    @inlinable
    public func subtracting(_ other: Money) -> Money? {
        let (difference, overflow) = units.subtractingReportingOverflow(other.units)
        return overflow ? nil : Money(units: difference)
    }

    @inlinable
    public static func < (left: Money, right: Money) -> Bool {
        left.units < right.units
    }
}

extension Money: CustomStringConvertible {
    /// The canonical text: two to four decimals, `189.25`.
    public var description: String { FixedPoint.text(units) }
}

/// A price of one share in units of 1/10 000 of the currency. Sensible prices are positive; a value read
/// from outside need not be, which `Order.validate()` and `PriceTick.validate()` tell.
public struct Price: Hashable, Comparable, Sendable {
    /// The price in units of 1/10 000.
    public let units: Int64

    /// A price of `units` ten-thousandths.
    @inlinable
    public init(units: Int64) {
        self.units = units
    }

    /// Reads text such as `189.25`, at most four decimals. Throws the reason it is not a price.
    public init(_ text: String) throws(DecimalFault) {
        units = try FixedPoint.parse(text).get()
    }

    /// What `quantity` shares cost at this price, or nil when it does not fit.
    @inlinable
    public func notional(quantity: Int64) -> Money? {
        let (product, overflow) = units.multipliedReportingOverflow(by: quantity)
        return overflow ? nil : Money(units: product)
    }

    @inlinable
    public static func < (left: Price, right: Price) -> Bool {
        left.units < right.units
    }
}

extension Price: CustomStringConvertible {
    /// The canonical text: two to four decimals, `189.25`.
    public var description: String { FixedPoint.text(units) }
}
