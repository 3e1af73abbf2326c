/// What is wrong with the outcome of a simulation. Nothing, if the runtime keeps its promises.
public struct SimulationFindings: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case lost, duplicated, reordered
        /// A value that no order of events explains.
        case wrong
        /// Files of no checkpoint, or an open transaction that nobody will end.
        case leaked
        /// A job that does not go on, or refuses to start.
        case stuck
    }
    public private(set) var counts: [Kind: Int] = [:]
    /// The first of each kind, for people.
    public private(set) var messages: [String] = []
    private static let messagesOfAKind = 3

    public var isEmpty: Bool { counts.isEmpty }
    public func count(_ kind: Kind) -> Int { counts[kind] ?? 0 }

    public mutating func add(_ kind: Kind, _ message: @autoclosure () -> String) {
        counts[kind, default: 0] += 1
        if count(kind) <= Self.messagesOfAKind { messages.append("\(kind.rawValue): \(message())") }
    }

    /// Everything expected once and nothing else. `id` says what is the same record, with whatever value.
    public mutating func compare<Element: Hashable, ID: Hashable & Comparable>(
        expected: [Element], found: [Element], by id: (Element) -> ID
    ) {
        var seen: [ID: [Element]] = [:]
        for element in found { seen[id(element), default: []].append(element) }
        for element in expected {
            guard var same = seen.removeValue(forKey: id(element)) else {
                add(.lost, "\(element)")
                continue
            }
            guard let index = same.firstIndex(of: element) else {
                add(.wrong, "\(same[0]) instead of \(element)")
                continue
            }
            same.remove(at: index)
            for other in same { add(other == element ? .duplicated : .wrong, "\(other) beside \(element)") }
        }
        for (_, elements) in seen.sorted(by: { $0.key < $1.key }) {
            for element in elements { add(.wrong, "\(element), which nobody expects") }
        }
    }

    /// Among the found ones, each key's come in rising order of `number`.
    public mutating func requireOrder<Element, Key: Hashable>(
        _ found: [Element], of key: (Element) -> Key, by number: (Element) -> Int64
    ) {
        var last: [Key: Int64] = [:]
        for element in found {
            let (key, number) = (key(element), number(element))
            if let before = last[key], number < before { add(.reordered, "\(element) after number \(before)") }
            last[key] = max(number, last[key] ?? .min)
        }
    }
}
