import StreamRuntime

/// What two checkpoints differ in, as far as their manifests tell: no file of theirs is read. Pure.
package struct ManifestDifference: Encodable, Equatable {
    package struct Side: Encodable, Equatable {
        package let checkpoint: String
        package let job: String
        package let created: String
        package let keyGroups: Int
        package let stateBytes: Int
        package let files: Int
    }
    package enum Change: String, Encodable {
        case added, removed, changed, same
    }
    /// A thing with a name; `a` and `b` are nil where it is not.
    package struct Entry<Value: Encodable & Equatable>: Encodable, Equatable {
        package let name: String
        package let a: Value?
        package let b: Value?

        package init(name: String, a: Value?, b: Value?) {
            self.name = name
            self.a = a
            self.b = b
        }
    }
    package struct Operator: Encodable, Equatable {
        package let id: String
        package let change: Change
        package let bytesA: Int
        package let bytesB: Int
        /// Next positions, of the splits where they differ.
        package let positions: [Entry<Int64>]
        /// Kind and schemas, of the states that differ in them.
        package let states: [Entry<String>]
        /// Items, of the lists whose contents differ, and their schemas where those do.
        package let lists: [Entry<String>]
        /// How the state is cut, a part per subtask: its key groups, and the format it is stored in.
        package let partsA: [String]
        package let partsB: [String]
    }

    package let a: Side
    package let b: Side
    /// Of files that both consist of.
    package let sharedBytes: Int
    package let bytesOnlyInA: Int
    package let bytesOnlyInB: Int
    /// All of both, by id.
    package let operators: [Operator]

    package init(_ a: CheckpointManifest, _ b: CheckpointManifest) {
        self.a = Side(a)
        self.b = Side(b)
        let (filesA, filesB) = (Set(a.files), Set(b.files))
        sharedBytes = Self.bytes(filesA.intersection(filesB))
        bytesOnlyInA = Self.bytes(filesA.subtracting(filesB))
        bytesOnlyInB = Self.bytes(filesB.subtracting(filesA))
        operators = Self.entries(a.operators.map { ($0.id, $0) }, b.operators.map { ($0.id, $0) })
            .map { Operator($0.name, $0.a, $0.b) }
    }

    private static func bytes(_ files: Set<CheckpointFile>) -> Int { files.reduce(0) { $0 + $1.bytes } }

    /// By name; the first of several with one name.
    fileprivate static func entries<Value>(
        _ a: [(name: String, value: Value)], _ b: [(name: String, value: Value)]
    ) -> [(name: String, a: Value?, b: Value?)] {
        let inA = Dictionary(a.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let inB = Dictionary(b.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        return Set(inA.keys).union(inB.keys).sorted().map { ($0, inA[$0], inB[$0]) }
    }
}

extension ManifestDifference {
    fileprivate static func differing<Value>(
        _ a: [(name: String, value: Value)], _ b: [(name: String, value: Value)]
    ) -> [Entry<Value>] {
        entries(a, b).filter { $0.a != $0.b }.map { Entry(name: $0.name, a: $0.a, b: $0.b) }
    }
}

extension ManifestDifference.Side {
    init(_ manifest: CheckpointManifest) {
        checkpoint = manifest.checkpoint
        job = manifest.jobName
        created = UTCTime.text(manifest.createdAtMillis)
        keyGroups = manifest.keyGroups
        stateBytes = manifest.stateBytes
        files = Set(manifest.files).count
    }
}

extension ManifestDifference.Operator {
    fileprivate init(_ id: String, _ a: CheckpointManifest.OperatorEntry?, _ b: CheckpointManifest.OperatorEntry?) {
        self.id = id
        change = a == nil ? .added : b == nil ? .removed : a == b ? .same : .changed
        bytesA = Self.bytes(a)
        bytesB = Self.bytes(b)
        func positions(_ entry: CheckpointManifest.OperatorEntry?) -> [(String, Int64)] {
            (entry?.positions ?? []).map { ($0.split, $0.next) }
        }
        self.positions = ManifestDifference.differing(positions(a), positions(b))
        func states(_ entry: CheckpointManifest.OperatorEntry?) -> [(String, String)] {
            (entry?.state ?? []).flatMap(\.states).map { ($0.name, "\($0.kind), \($0.keySchema) → \($0.valueSchema)") }
        }
        self.states = ManifestDifference.differing(states(a), states(b))
        lists = Self.lists(a, b)
        partsA = Self.parts(a)
        partsB = Self.parts(b)
    }

    private static func bytes(_ entry: CheckpointManifest.OperatorEntry?) -> Int {
        guard let entry else { return 0 }
        return Set(entry.state.flatMap(\.files) + entry.lists.map(\.file)).reduce(0) { $0 + $1.bytes }
    }

    private static func parts(_ entry: CheckpointManifest.OperatorEntry?) -> [String] {
        (entry?.state ?? []).sorted { $0.keyGroupStart < $1.keyGroupStart }
            .map { "\($0.keyGroupStart)..<\($0.keyGroupEnd) \($0.backend)" }
    }

    /// A list has a file for each subtask: they count together.
    private static func lists(
        _ a: CheckpointManifest.OperatorEntry?, _ b: CheckpointManifest.OperatorEntry?
    ) -> [ManifestDifference.Entry<String>] {
        func byName(_ entry: CheckpointManifest.OperatorEntry?) -> [(String, [CheckpointManifest.List])] {
            Dictionary(grouping: entry?.lists ?? [], by: \.name).map { ($0.key, $0.value) }
        }
        func text(_ lists: [CheckpointManifest.List]?) -> String? {
            guard let lists, let first = lists.first else { return nil }
            return "\(lists.reduce(0) { $0 + $1.count }) items of \(first.schema)"
        }
        return ManifestDifference.entries(byName(a), byName(b)).filter { entry in
            text(entry.a) != text(entry.b) || Set((entry.a ?? []).map(\.file.hash)) != Set((entry.b ?? []).map(\.file.hash))
        }.map { ManifestDifference.Entry(name: $0.name, a: text($0.a), b: text($0.b)) }
    }
}

extension ManifestDifference {
    /// For people.
    package var text: String {
        var table = TextTable(["", "A", "B"])
        table.rows = [
            ["checkpoint", a.checkpoint, b.checkpoint], ["job", a.job, b.job], ["created", a.created, b.created],
            ["key groups", String(a.keyGroups), String(b.keyGroups)],
            ["state", ByteSize.approximate(a.stateBytes), ByteSize.approximate(b.stateBytes)],
            ["files", String(a.files), String(b.files)],
        ]
        let shared = ByteSize.approximate(sharedBytes)
        var lines = [
            table.text,
            "\n\(shared) are in files of both, \(ByteSize.approximate(bytesOnlyInA)) only in A's, "
                + "\(ByteSize.approximate(bytesOnlyInB)) only in B's",
        ]
        let differing = operators.filter { $0.change != .same }
        for one in differing { lines.append("\n" + one.lines.joined(separator: "\n")) }
        let same = operators.count - differing.count
        if same > 0 { lines.append("\n\(same) operator\(same == 1 ? " is" : "s are") the same in both") }
        return lines.joined(separator: "\n")
    }
}

extension ManifestDifference.Operator {
    fileprivate var lines: [String] {
        var lines = ["operator \(id): \(change == .added ? "only in B" : change == .removed ? "only in A" : "differs")"]
        if bytesA != bytesB {
            lines.append(
                "  state: \(ByteSize.approximate(bytesA)) → \(ByteSize.approximate(bytesB)) "
                    + "(\(Self.signed(bytesB - bytesA)) bytes)")
        }
        if partsA != partsB { lines.append("  key groups: \(Self.text(partsA)) → \(Self.text(partsB))") }
        for one in states { lines.append("  state \(one.name): \(one.a ?? "none") → \(one.b ?? "none")") }
        for one in lists { lines.append("  list \(one.name): \(one.a ?? "none") → \(one.b ?? "none")") }
        for one in positions { lines.append("  split \(one.name): \(Self.text(one))") }
        if lines.count == 1, change == .changed { lines.append("  state: other files of the same size") }
        return lines
    }

    private static func text(_ parts: [String]) -> String { parts.isEmpty ? "none" : parts.joined(separator: ", ") }

    private static func text(_ position: ManifestDifference.Entry<Int64>) -> String {
        switch (position.a, position.b) {
        case (let a?, let b?):
            let (moved, overflow) = b.subtractingReportingOverflow(a)
            return "next position \(a) → \(b)" + (overflow ? "" : " (\(signed(moved)))")
        case (nil, let b?): return "only in B, next position \(b)"
        case (let a?, nil): return "only in A, next position \(a)"
        case (nil, nil): return "in neither"
        }
    }

    private static func signed(_ number: some BinaryInteger) -> String { number < 0 ? "\(number)" : "+\(number)" }
}
