import Foundation

/// An executable of this package, built beside the tests that depend on it.
package enum BuiltExecutable {
    package static func path(_ name: String) throws -> String {
        let bundle = Bundle.main.bundleURL
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let candidates = [bundle, program, bundle.deletingLastPathComponent()].map { $0.appendingPathComponent(name).path }
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw NotBuilt(name: name, candidates: candidates)
        }
        return found
    }

    private struct NotBuilt: Error, CustomStringConvertible {
        let name: String
        let candidates: [String]
        var description: String { "no executable \(name) (looked for \(candidates)); run the tests with `make test`" }
    }
}
