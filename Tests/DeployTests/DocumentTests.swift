import Foundation
import Services
import Testing
import Yams

/// Documents that must say what the code does.
@Suite struct DocumentTests {
    /// The page has, between the marks, what the command prints.
    @Test(arguments: [
        (page: "docs/provisioning.md", command: "provision --describe"),
        (page: "docs/settings.md", command: "config --describe --output markdown"),
    ])
    func whatACommandDescribesIsInItsPage(_ page: String, _ command: String) throws {
        let described = try WeirRun(command.split(separator: " ").map(String.init), data: nil)
        #expect(described.status == 0, "\(described.errors)")
        let text = try String(contentsOf: repository.appendingPathComponent(page), encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- weir \(command) -->\n"))
        let end = try #require(text.range(of: "<!-- end -->"))
        #expect(
            String(text[begin.upperBound..<end.lowerBound]) == described.output,
            "\(page) is not what `weir \(command)` prints; put that between the two marks")
    }

    @Test func markdownOfSettingsIsForDescriptions() throws {
        let run = try WeirRun(["config", "--output", "markdown"], data: nil)
        #expect(run.status == 2)
        #expect(run.errors.contains("--describe"))
    }

    /// Links between the pages lead somewhere, and each page is at most two clicks from the README.
    @Test func linksLeadToFilesAndHeadings() throws {
        var clicks = ["README.md": 0]
        var waiting = ["README.md"]
        while let page = waiting.first {
            waiting.removeFirst()
            for link in try MarkdownPage(page).links {
                let target = try #require(link.file, "\(page): \(link.text)")
                let exists = FileManager.default.fileExists(atPath: repository.appendingPathComponent(target).path)
                #expect(exists, "\(page): \(link.text)")
                guard exists, target.hasSuffix(".md") else { continue }
                if let anchor = link.anchor {
                    #expect(try MarkdownPage(target).anchors.contains(anchor), "\(page): \(link.text)")
                }
                if clicks[target] == nil {
                    clicks[target] = clicks[page]! + 1
                    waiting.append(target)
                }
            }
        }
        let pages = try FileManager.default.contentsOfDirectory(atPath: repository.appendingPathComponent("docs").path)
            .filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
        #expect(pages.count > 20)
        for page in pages + ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "Examples/README.md", "checkpoints/README.md"]
        {
            #expect(clicks[page, default: .max] <= 2, "\(page) is not found from the README")
        }
    }
}

/// A page's headings and its links to other files of the repository.
private struct MarkdownPage {
    struct Link {
        let text: String
        /// From the repository's root; nil: outside it.
        let file: String?
        let anchor: String?
    }

    let anchors: Set<String>
    let links: [Link]

    init(_ path: String) throws {
        let root = repository.standardizedFileURL.path + "/"
        let url = repository.appendingPathComponent(path).standardizedFileURL
        var isCode = false
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { line in
            if line.hasPrefix("```") { isCode.toggle() }
            return !isCode
        }
        anchors = Set(lines.filter { $0.hasPrefix("#") }.map { Self.anchor(String($0.drop { $0 == "#" })) })
        links = lines.flatMap { line in
            line.matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.1) }.filter { !$0.contains("://") }.map { text in
                let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let target =
                    parts[0].isEmpty
                    ? url : url.deletingLastPathComponent().appendingPathComponent(parts[0]).standardizedFileURL
                return Link(
                    text: text, file: target.path.hasPrefix(root) ? String(target.path.dropFirst(root.count)) : nil,
                    anchor: parts.count > 1 ? parts[1] : nil)
            }
        }
    }

    /// As GitHub makes it: letters, digits, `-` and `_`, blanks as `-`, the words of links only.
    private static func anchor(_ heading: String) -> String {
        heading.replacing(#/\[([^\]]*)\]\([^)]*\)/#) { String($0.1) }.trimmingCharacters(in: .whitespaces).lowercased()
            .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == " " }
            .replacingOccurrences(of: " ", with: "-")
    }
}

/// The HTTP interface as it is described and as it is served.
@Suite struct OpenAPITests {
    private static func described() throws -> [String: [String: Any]] {
        let text = try String(contentsOf: repository.appendingPathComponent("deploy/openapi.yaml"), encoding: .utf8)
        let document = try #require(try Yams.load(yaml: text) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var operations: [String: [String: Any]] = [:]
        for (path, item) in paths {
            for (method, operation) in item {
                operations["\(method.uppercased()) \(path)"] = try #require(operation as? [String: Any])
            }
        }
        return operations
    }

    @Test func everyRouteIsDescribedAndEveryDescribedOneIsServed() throws {
        let served = APIRoutes.forwarded.map(\.route) + Health.routes + [APIRoutes.signIn]
        #expect(Set(try Self.described().keys) == Set(served.map { "\($0.method.rawValue) \($0.path)" }))
    }

    @Test func everyRouteForUsersWantsAToken() throws {
        for (name, operation) in try Self.described() {
            let isOpen = (operation["security"] as? [Any])?.isEmpty ?? false
            #expect(isOpen == (!name.contains(" /v1/") || name == Self.signIn), "\(name)")
        }
    }

    /// A route that is there only under conditions says so, and lies under the path that API Gateway is not given.
    @Test func theSignInIsDescribedWithWhatMakesItExist() throws {
        let conditional = try Self.described().filter { $0.value["x-weir-exists"] is String }
        #expect(Array(conditional.keys) == [Self.signIn])
        #expect(conditional.keys.allSatisfy { $0.contains(" /v1/dev/") })
        let published = try String(contentsOf: repository.appendingPathComponent("deploy/aws/api.tf"), encoding: .utf8)
        #expect(published.contains(#"!startswith(route, "/v1/dev/")"#))
    }

    private static let signIn = "\(APIRoutes.signIn.method.rawValue) \(APIRoutes.signIn.path)"
}
