import Foundation
import HTTPServing
import Hummingbird
import NIOCore
import UntrustedJSON
import WeirKit

/// The body of a request. A field that is not one of its own is refused, as Flink refuses it: misspelt, it would be as if it
/// were not there, and a savepoint would go somewhere else.
protocol RequestBody: Decodable {
    static var fields: [String] { get }
}

/// One of the words that a field takes.
struct OneOf<Word: RawRepresentable & CaseIterable>: Decodable where Word.RawValue == String {
    let word: Word

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is none of \(words)")
        }
        self.word = word
    }
}

/// The id that a client gives an operation, as Flink's do; the same request with the same id is the same operation.
struct TriggerID: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let given = try container.decode(String.self)
        text = given.lowercased()
        guard text.utf8.count == 32, text.allSatisfy(\.isHexDigit) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(given)' is not 32 hex digits")
        }
    }
}

extension Request {
    static let bodyBytesMax = 1 << 20

    /// The body as JSON of this type; an empty one as `{}`. Throws `ControlError`.
    func decoded<Body: RequestBody>(_ type: Body.Type) async throws -> Body {
        let tooLarge = ControlError(.contentTooLarge, "the body is larger than 1 MiB")
        guard !BodyRule.isTooLarge(head, max: Self.bodyBytesMax) else { throw tooLarge }
        let buffer: ByteBuffer
        do { buffer = try await body.collect(upTo: Self.bodyBytesMax) } catch { throw tooLarge }
        return try RequestText.decode(type, from: buffer.readableBytes == 0 ? Data("{}".utf8) : Data(buffer.readableBytesView))
    }
}

/// Reads the bodies of requests. Pure.
enum RequestText {
    static func decode<Body: RequestBody>(_ type: Body.Type, from data: Data) throws -> Body {
        do {
            let given = try UntrustedJSON.decode(FieldNames.self, from: data).names
            if let unknown = given.first(where: { !type.fields.contains($0) }) {
                let nearest = Nearest.suggestion(unknown, among: type.fields)
                throw ControlError(
                    .badRequest,
                    "'\(unknown)' is no field of this request.\(nearest) It takes: \(type.fields.joined(separator: ", "))")
            }
            return try UntrustedJSON.decode(type, from: data)
        } catch let error as DecodingError {
            throw ControlError(.badRequest, "the body is not what is expected here: \(text(error))")
        }
    }

    private static func text(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case .typeMismatch(let type, let context): "\(subject(context)) is not \(word(for: type))"
        case .valueNotFound(let type, let context): "\(subject(context)) is null, not \(word(for: type))"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty: "\(subject(context)): \(context.debugDescription)"
        default: "it is no JSON that is read here"
        }
    }

    private static func subject(_ context: DecodingError.Context) -> String {
        context.codingPath.isEmpty ? "it" : "'\(context.codingPath.map(\.stringValue).joined(separator: "."))'"
    }

    private static func word(for type: Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is [Any].Type, is [String].Type: "a list"
        default: "an object"
        }
    }

    /// The names of an object's fields.
    private struct FieldNames: Decodable {
        let names: [String]

        private struct AnyName: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            names = try decoder.container(keyedBy: AnyName.self).allKeys.map(\.stringValue).sorted()
        }
    }
}
