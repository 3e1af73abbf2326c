/// What a lookup keeps of the answers it got: per subtask, in memory, not part of checkpoints.
public struct LookupCache: Sendable {
    /// The least recently used entry goes first. 0: nothing is kept.
    public var maxEntries: Int
    /// A value is asked for again after this long (processing time).
    public var ttlMillis: Int64
    /// So is a key that had no value.
    public var missingTTLMillis: Int64

    /// `missingTTL`: as `ttl` when not given.
    public init(maxEntries: Int = 10_000, ttl: Duration = .minutes(1), missingTTL: Duration? = nil) {
        self.maxEntries = max(0, maxEntries)
        ttlMillis = max(0, ttl.wholeMillis)
        missingTTLMillis = max(0, (missingTTL ?? ttl).wholeMillis)
    }

    public static var none: LookupCache { LookupCache(maxEntries: 0) }
}

/// Answers by key, the least recently used one leaving first; knows of keys without a value too. Pure: the time is given
/// to it. Owned by one task thread.
package struct AnswerCache<Key: Hashable, Value> {
    private struct Node {
        var key: Key
        var value: Value?
        var expiresMillis: Int64
        var newer: Int
        var older: Int
    }
    private let options: LookupCache
    private var nodes: [Node] = []
    private var places: [Key: Int] = [:]
    private var newest = -1
    private var oldest = -1

    package init(_ options: LookupCache) { self.options = options }

    package var count: Int { nodes.count }

    /// The answer kept for `key`, `.some(nil)` when it is that there is no value; `nil` when there is none to use at
    /// `nowMillis`.
    package mutating func get(_ key: Key, nowMillis: Int64) -> Value?? {
        guard let place = places[key], nowMillis < nodes[place].expiresMillis else { return nil }
        unlink(place)
        linkAsNewest(place)
        return .some(nodes[place].value)
    }

    package mutating func set(_ key: Key, _ value: Value?, nowMillis: Int64) {
        guard options.maxEntries > 0 else { return }
        let expires = nowMillis.addingSaturating(value == nil ? options.missingTTLMillis : options.ttlMillis)
        let node = Node(key: key, value: value, expiresMillis: expires, newer: -1, older: -1)
        let place: Int
        if let known = places[key] {
            place = known
            unlink(place)
            nodes[place] = node
        } else if nodes.count < options.maxEntries {
            place = nodes.count
            nodes.append(node)
        } else {
            place = oldest
            unlink(place)
            places[nodes[place].key] = nil
            nodes[place] = node
        }
        places[key] = place
        linkAsNewest(place)
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (nodes[place].newer, nodes[place].older)
        if newer >= 0 { nodes[newer].older = older } else { newest = older }
        if older >= 0 { nodes[older].newer = newer } else { oldest = newer }
    }

    private mutating func linkAsNewest(_ place: Int) {
        nodes[place].newer = -1
        nodes[place].older = newest
        if newest >= 0 { nodes[newest].newer = place } else { oldest = place }
        newest = place
    }
}
