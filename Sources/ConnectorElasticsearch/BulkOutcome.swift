import AsyncHTTPClient
import Foundation
import NIOHTTP1
import StoreKit
import UntrustedJSON

extension HTTPMethodName {
    var value: HTTPMethod { HTTPMethod(rawValue: rawValue) }
}

/// What became of one action of a `_bulk` request with `create` actions.
package enum BulkOutcome: Hashable, Sendable {
    /// It is stored: by this request, or (409) by an earlier one.
    case stored
    /// The cluster does not take it now, for a reason that is not in the record: it is busy (429, 503, …), an index is blocked
    /// or missing, a privilege is. The same action may succeed later.
    case later(status: Int, reason: String)
    /// The cluster never will, because of the record: a field of the wrong type, for one.
    case refused(reason: String)

    /// Reads a `_bulk` answer. Every item's status is looked at, whatever the answer says about `errors`.
    package static func read(_ answer: Data) throws(StoreError) -> [BulkOutcome] {
        do {
            return try UntrustedJSON.decode(Answer.self, from: answer).items.map { item in
                guard let result = item.values.first else { return .later(status: 0, reason: "no result") }
                return BulkOutcome(status: result.status, result.error)
            }
        } catch {
            throw .unavailable("_bulk: the answer is not what the API documents: \(error)")
        }
    }

    private init(status: Int, _ error: ElasticsearchRefusal.Cause?) {
        let reason = error?.text ?? "status \(status)"
        switch status {
        case 200..<300, 409: self = .stored
        case 400 where error?.isOfTheRecord ?? true, 413: self = .refused(reason: reason)
        default: self = .later(status: status, reason: reason)
        }
    }

    private struct Answer: Decodable {
        let items: [[String: Item]]
    }
    private struct Item: Decodable {
        let status: Int
        let error: ElasticsearchRefusal.Cause?
    }
}

/// What the cluster's refusals mean.
enum ElasticsearchRefusal {
    struct Cause: Decodable {
        let type: String?
        let reason: String?

        /// Whether an action that was answered 400 is refused for what is in its record. What is not known to be is not: a
        /// record that waits is seen, one that was put aside for a full disk or a missing index is a hole.
        var isOfTheRecord: Bool {
            guard let type else { return true }
            switch type {
            // Also how some versions tell of a cluster that has all the shards it may have, or of an alias nobody writes to.
            case "illegal_argument_exception":
                return !["Validation Failed", "no write index"].contains { reason?.contains($0) ?? false }
            case "strict_dynamic_mapping_exception", "invalid_index_name_exception", "not_x_content_exception": return true
            default: return type.hasSuffix("parsing_exception") || type.hasSuffix("parse_exception")
            }
        }

        var text: String { [type, reason].compactMap { $0 }.joined(separator: ": ") }

        private enum Key: String, CodingKey { case type, reason }

        /// An error is an object, or (old versions, proxies) a text.
        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                type = nil
                reason = text
                return
            }
            let fields = try decoder.container(keyedBy: Key.self)
            type = try? fields.decode(String.self, forKey: .type)
            reason = try? fields.decode(String.self, forKey: .reason)
        }
    }
    private struct Body: Decodable { let error: Cause? }

    /// What it means that a bulk was taken and one of its actions was not, for now.
    static func meaning(ofAction status: Int, _ reason: String, _ call: String) -> StoreError {
        switch status {
        case 429: .throttled("\(call): \(reason)")
        case 0, 408, 500...: .unavailable("\(call): \(reason)")
        default: .blocked("\(call): HTTP \(status) \(reason)")
        }
    }

    static func meaning(_ status: Int, _ body: Data, _ call: String) -> StoreError {
        let cause = (try? UntrustedJSON.decode(Body.self, from: body))?.error?.text ?? ""
        let text = "\(call): HTTP \(status)\(cause.isEmpty ? "" : " \(cause)")"
        switch status {
        case 429: return .throttled(text)
        case 408: return .timeout(text)
        case 401, 403: return .invalid("\(text); check the user, password or API key and its privileges")
        case 404: return .invalid("\(text); create what is missing with: weir provision")
        default: return status >= 500 ? .unavailable(text) : .invalid(text)
        }
    }
}
