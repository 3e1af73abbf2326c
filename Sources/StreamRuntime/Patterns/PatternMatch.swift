/// The events that match a pattern, or a part of one, by stage.
public struct PatternMatch<Event> {
    @usableFromInline let names: [String]
    /// In the order of the events.
    @usableFromInline let taken: [(stage: Int, millis: Int64, event: Event)]

    @usableFromInline init(names: [String], taken: [(stage: Int, millis: Int64, event: Event)]) {
        self.names = names
        self.taken = taken
    }

    /// The events the stage took, in order; none for a stage that was left out, or that the pattern does not have.
    public subscript(stage: String) -> [Event] {
        guard let index = names.firstIndex(of: stage) else { return [] }
        return taken.filter { $0.stage == index }.map(\.event)
    }

    /// Every event, in order.
    public var events: [Event] { taken.map(\.event) }

    /// The stages that took events, in order, and what they took.
    public var stages: [(name: String, events: [Event])] {
        names.map { (name: $0, events: self[$0]) }.filter { !$0.events.isEmpty }
    }

    /// The time of the first event, in milliseconds; `nil` when nothing is matched yet.
    public var firstMillis: Int64? { taken.first?.millis }
}

extension PatternMatch: Sendable where Event: Sendable {}
