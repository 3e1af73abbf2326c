import Hummingbird
import StreamRuntime
import WeirKit

/// What a path names. As with Flink's, what cannot be a name is a bad request, and only what may be one is not found.
enum RoutePart {
    /// 32 hex digits, in lower case.
    static func id(_ context: BasicRequestContext, _ name: String) throws -> String {
        let text = context.parameters.get(name) ?? ""
        guard text.utf8.count == 32, text.allSatisfy(\.isHexDigit) else {
            throw ControlError(.badRequest, "'\(text)' is not the id of a \(name): 32 hex digits")
        }
        return text.lowercased()
    }

    static func number(_ context: BasicRequestContext, _ name: String) throws -> Int {
        try number(context.parameters.get(name) ?? "", name)
    }

    static func number(_ text: some StringProtocol, _ name: String) throws -> Int {
        guard let number = Int(text) else { throw ControlError(.badRequest, "\(name): '\(text)' is not a whole number") }
        return number
    }
}

enum RouteJob {
    static func id(_ context: BasicRequestContext) throws -> JobID {
        let text = context.parameters.get("id") ?? ""
        guard let id = JobID(text.lowercased()) else {
            throw ControlError(.badRequest, "'\(text)' is not a job id: 32 hex digits")
        }
        return id
    }
}
