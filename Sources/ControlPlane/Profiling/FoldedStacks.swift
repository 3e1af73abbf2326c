/// Stacks and how much was seen of each, as a tree: what a flame graph is drawn of. A value.
///
/// Bounded: a stack deeper than `depthMax` loses its innermost frames, and once there are `framesMax` frames a new one is
/// counted with its caller. Weights are never lost.
package struct FoldedStacks: Sendable {
    package struct Frame: Sendable {
        package let name: String
        /// Its own and that of all it called.
        package fileprivate(set) var weight = 0
        /// Of `frames`, in the order they came.
        package fileprivate(set) var children: [Int] = []
    }
    private struct Place: Hashable {
        let caller: Int
        let name: String
    }

    package static let depthMax = 160
    package static let framesMax = 50_000

    /// The first one is what they all have in common; it has no name of its own.
    package private(set) var frames = [Frame(name: "all")]
    /// Something was left out for the bounds' sake.
    package private(set) var isCut = false
    private var known: [Place: Int] = [:]

    package init() {}

    /// Of everything.
    package var weight: Int { frames[0].weight }

    /// `stack`: outermost first.
    package mutating func add(_ stack: some Collection<String>, weight: Int) {
        guard weight > 0 else { return }
        frames[0].weight += weight
        if stack.count > Self.depthMax { isCut = true }
        var caller = 0
        for name in stack.prefix(Self.depthMax) {
            guard let frame = frame(name, of: caller) else { return isCut = true }
            frames[frame].weight += weight
            caller = frame
        }
    }

    private mutating func frame(_ name: String, of caller: Int) -> Int? {
        let place = Place(caller: caller, name: name)
        if let found = known[place] { return found }
        guard frames.count < Self.framesMax else { return nil }
        frames.append(Frame(name: name))
        frames[caller].children.append(frames.count - 1)
        known[place] = frames.count - 1
        return frames.count - 1
    }
}
