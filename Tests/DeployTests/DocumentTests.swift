import Foundation
import Services
import Testing
import Yams

/// Documents that must say what the code does.
@Suite struct DocumentTests {
    @Test func theListOfProvisioningIsTheCodes() throws {
        let described = try WeirRun(["provision", "--describe"])
        #expect(described.status == 0, "\(described.errors)")
        let page = try String(contentsOf: repository.appendingPathComponent("docs/provisioning.md"), encoding: .utf8)
        let begin = try #require(page.range(of: "<!-- weir provision --describe -->\n"))
        let end = try #require(page.range(of: "<!-- end -->"))
        #expect(
            String(page[begin.upperBound..<end.lowerBound]) == described.output,
            "docs/provisioning.md is not what `weir provision --describe` prints; put that between the two marks")
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
