/// Why bytes are not the record they should be. Such a record goes to the dead-letter topic as it was read.
public struct DecodingFailure: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Problem: Hashable, Sendable {
        /// Not JSON (RFC 8259, UTF-8): a stray byte, an unfinished value, something after the end.
        case malformedJSON
        /// Values nested deeper than `JSONScanner.depthMax`.
        case tooDeep
        /// A field that must be there is not.
        case missingField
        /// A field is there twice: which one counts would be a guess.
        case duplicateField
        /// A field that is not known, where only known ones may be (a client's request).
        case unknownField
        /// A field holds another JSON type, or a number that is no 64-bit integer.
        case wrongType
        /// A field holds the right type but not the form its value needs (an id, a price, BUY or SELL).
        case malformedValue
        /// Bytes of a stored value that no version of this program wrote.
        case malformedBinary
    }

    public let problem: Problem
    /// The field concerned, when one is.
    public let field: String?
    /// Bytes from the start of the record to where it was noticed.
    public let offset: Int

    public init(_ problem: Problem, field: String? = nil, offset: Int) {
        self.problem = problem
        self.field = field
        self.offset = offset
    }
}

extension DecodingFailure: CustomStringConvertible {
    /// One line, fit for the dead-letter record's `error` header.
    public var description: String {
        let what =
            switch problem {
            case .malformedJSON: "not valid JSON"
            case .tooDeep: "nested too deeply"
            case .missingField: "field missing"
            case .duplicateField: "field given twice"
            case .unknownField: "field that is not known"
            case .wrongType: "field of the wrong type"
            case .malformedValue: "field with a malformed value"
            case .malformedBinary: "not a stored value of this program"
            }
        return field.map { "\(what): \($0) (at byte \(offset))" } ?? "\(what) (at byte \(offset))"
    }
}
