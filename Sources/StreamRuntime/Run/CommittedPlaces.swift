/// Where the sources of a job commit their offsets.
enum CommittedPlaces {
    /// Refuses two splits that the deciding transaction would commit to one place: it keeps one offset, so that the next start
    /// could not tell from it how far the other was read. `domains`: the identities of the job's transactions; offsets of other
    /// systems are no part of the decision.
    static func check(_ splits: [OwnedSplit], domains: Set<String>) throws {
        var owners: [BrokerOffset: OperatorID] = [:]
        for owned in splits {
            guard let place = owned.split.brokerOffset, domains.contains(place.domain),
                let first = owners.updateValue(owned.source, forKey: place)
            else { continue }
            throw GraphError(
                "sources '\(first)' and '\(owned.source)' both commit partition \(place.partition) of topic '\(place.topic)' to "
                    + "group '\(place.group)', which keeps one offset of it: read the topic once and use the stream twice, or "
                    + "give each source a group of its own (groupID)")
        }
    }
}
