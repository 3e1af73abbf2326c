import HTTPTypes
import Hummingbird

/// Which methods a path of the server has, to tell a wrong method from a path that is not there. Pure.
struct MethodTable: Sendable {
    private let entries: [(segments: [Substring], method: HTTPRequest.Method)]

    init<Context: RequestContext>(_ routes: [Router<Context>.RouteDescription]) {
        entries = routes.map { (Self.segments($0.path.description), $0.method) }
    }

    /// In the order of their names; HEAD is where GET is.
    func allowed(_ path: String) -> [HTTPRequest.Method] {
        let asked = Self.segments(path)
        let found = entries.filter { Self.matches($0.segments, asked) }.map(\.method)
        return (found + (found.contains(.get) ? [.head] : [])).sorted { $0.rawValue < $1.rawValue }
    }

    private static func segments(_ path: String) -> [Substring] { path.split(separator: "/") }

    private static func matches(_ template: [Substring], _ asked: [Substring]) -> Bool {
        template.count == asked.count
            && zip(template, asked).allSatisfy { part, text in part.hasPrefix("{") || part.hasPrefix(":") || part == text }
    }
}
