/// Combines the inputs two by two; `combine` must be associative. The result of no input at all does not exist: a window
/// that has given all of its records away, under a discarding trigger that the job no longer has, gives none.
public struct Reduce<Element: StateCodable>: Aggregate {
    @usableFromInline let combine: @Sendable (Element, Element) -> Element

    @inlinable public init(_ combine: @escaping @Sendable (Element, Element) -> Element) { self.combine = combine }

    @inlinable public func empty() -> Element? { nil }
    @inlinable public func add(_ input: Element, to value: inout Element?) {
        value = value.map { combine($0, input) } ?? input
    }
    @inlinable public func merge(_ other: Element?, into value: inout Element?) { if let other { add(other, to: &value) } }
    @inlinable public func hasResult(_ value: Element?) -> Bool { value != nil }
    @inlinable public func result(_ value: Element?) -> Element {
        guard let value else { preconditionFailure("a window without records gave a result") }
        return value
    }
}

/// Keeps the inputs, in the order in which they were added.
public struct Elements<Element: StateCodable>: Aggregate {
    @inlinable public init() {}
    @inlinable public func empty() -> [Element] { [] }
    @inlinable public func add(_ input: Element, to elements: inout [Element]) { elements.append(input) }
    @inlinable public func merge(_ other: [Element], into elements: inout [Element]) { elements += other }
    @inlinable public func result(_ elements: [Element]) -> [Element] { elements }
}
