/// What the name of a schema (`StateCodable.stateSchema`) says about the bytes, as far as the engine's own encodings go. For
/// reading state without the types of the job; a schema of the job's own is `opaque`.
indirect enum StoredSchema: Equatable {
    case integer(bits: Int, isSigned: Bool)
    case bool, double, text, nothing
    /// `CodableState`.
    case json
    case optional(StoredSchema)
    case list(StoredSchema)
    case map(StoredSchema, StoredSchema)
    /// `Timed`: a state with a time to live.
    case timed(StoredSchema)
    /// A key with a time before it, in another form each.
    case timerKey(StoredSchema)
    case windowKey(StoredSchema)
    /// A large map's: a key with the number of the part, and the entries in it.
    case mapPartKey(StoredSchema)
    case mapPart(StoredSchema, StoredSchema)
    case average
    case pair(StoredSchema, StoredSchema)
    case opaque(String)

    /// One of more parts than any job's is opaque: it comes from a file, and both reading it and reading by it recurse.
    init(_ text: String) {
        var parser = Parser(rest: text[...])
        let schema = parser.schema()
        self = parser.rest.isEmpty ? schema : .opaque(text)
    }

    private struct Parser {
        var rest: Substring
        private var parts = 0
        private static let partsMax = 200

        init(rest: Substring) { self.rest = rest }

        mutating func schema() -> StoredSchema {
            var schema = mayGoOn() ? prefix() : .opaque(String(rest))
            while mayGoOn(), take("?") { schema = .optional(schema) }
            return schema
        }

        private mutating func mayGoOn() -> Bool {
            parts += 1
            return parts <= Self.partsMax
        }

        private mutating func prefix() -> StoredSchema {
            let begin = rest
            func opaque() -> StoredSchema { .opaque(String(begin)) }
            if take("[") {
                let first = schema()
                if take("]") { return .list(first) }
                guard take(":") else { return opaque() }
                let second = schema()
                return take("]") ? .map(first, second) : opaque()
            }
            if take("timer2:") { return .timerKey(schema()) }
            if take("window1:") { return .windowKey(schema()) }
            if take("mappart1:") { return .mapPartKey(schema()) }
            if take("mappart1(") { return two(StoredSchema.mapPart) ?? opaque() }
            if take("average(f64,i64)") { return .average }
            if take("ttl(") {
                let inner = schema()
                return take(")") ? .timed(inner) : opaque()
            }
            if take("pair(") { return two(StoredSchema.pair) ?? opaque() }
            let name = rest.prefix { !"?,:[]()".contains($0) }
            rest = rest.dropFirst(name.count)
            switch name {
            case "bool": return .bool
            case "f64": return .double
            case "utf8": return .text
            case "unit", "whole": return .nothing
            case "json":
                // The name of a type follows, which may contain anything but these.
                guard take(":") else { return .opaque(String(name)) }
                rest = rest.drop { !"?,:])".contains($0) }
                return .json
            default:
                guard let sign = name.first, sign == "i" || sign == "u", let bits = Int(name.dropFirst()),
                    [8, 16, 32, 64].contains(bits)
                else { return .opaque(String(name)) }
                return .integer(bits: bits, isSigned: sign == "i")
            }
        }

        /// What is between a bracket, a comma and a bracket.
        private mutating func two(_ make: (StoredSchema, StoredSchema) -> StoredSchema) -> StoredSchema? {
            let first = schema()
            guard take(",") else { return nil }
            let second = schema()
            return take(")") ? make(first, second) : nil
        }

        private mutating func take(_ text: String) -> Bool {
            guard rest.hasPrefix(text) else { return false }
            rest = rest.dropFirst(text.count)
            return true
        }
    }
}
