import Foundation

/// Header fields, in their order.
typealias Fields = [(name: String, value: String)]

/// A request as it goes onto the wire, in parts that an attack can change; nothing in it is escaped or checked.
struct WireRequest: Sendable {
    var method: String
    var target: String
    var headers: Fields = []
    var body: [UInt8]?

    func with(_ more: Fields) -> WireRequest {
        var changed = self
        changed.headers += more
        return changed
    }

    func with(target: String) -> WireRequest {
        var changed = self
        changed.target = target
        return changed
    }

    func with(body: [UInt8]) -> WireRequest {
        var changed = self
        changed.body = body
        return changed
    }

    /// Asks for the end of the connection: what comes until then is the answer.
    var bytes: [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }
}

/// What came back, taken apart.
struct WireAnswer: Sendable, CustomStringConvertible {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: String
    /// All of it, as it came.
    let text: String

    var description: String { String(text.prefix(600)) }

    /// Nil for what is no answer.
    init?(_ text: String) {
        self.text = text
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        guard lines[0].hasPrefix("HTTP/1.1 "), let status = Int(lines[0].dropFirst(9).prefix(3)) else { return nil }
        self.status = status
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        self.headers = headers
        let rest = String(text[end.upperBound...])
        body = headers["transfer-encoding"] == "chunked" ? Self.joined(rest) : rest
    }

    /// The last part of a problem's type; nil for what is no problem.
    var problem: String? {
        struct Problem: Decodable {
            let type: String
            let title: String
            let status: Int
            let detail: String
        }
        guard headers["content-type"] == "application/problem+json",
            let problem = try? JSONDecoder().decode(Problem.self, from: Data(body.utf8)), problem.status == status,
            !problem.title.isEmpty, !problem.detail.isEmpty, problem.type.hasPrefix("https://weir.dev/problems/")
        else { return nil }
        return String(problem.type.dropFirst("https://weir.dev/problems/".count))
    }

    /// The chunks' contents.
    private static func joined(_ chunked: String) -> String {
        var rest = chunked[...]
        var body = ""
        while let line = rest.range(of: "\r\n"), let count = Int(rest[..<line.lowerBound], radix: 16), count > 0 {
            let chunk = rest[line.upperBound...].utf8.prefix(count)
            body += String(decoding: chunk, as: UTF8.self)
            rest = rest[chunk.endIndex...].dropFirst()  // CR LF is one character
        }
        return body
    }
}
