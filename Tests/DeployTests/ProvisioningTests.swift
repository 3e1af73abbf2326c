import StoreKit
import Synchronization
import Testing

/// What `Provisioning` decides, on a system that is only said to exist.
@Suite struct ProvisioningTests {
    static let table = RequiredResource(
        kind: "table", name: "orders", purpose: "accepted orders",
        properties: [ResourceProperty("key", "orderId (S)"), ResourceProperty("expiry", "expires_at")])

    @Test func whatIsMissingIsMadeOnce() async throws {
        let system = FakeSystem([Self.table], exists: [:])
        let first = try await Provisioning.run([system], creates: true)
        #expect(first.map(\.isInPlace) == [true])
        #expect(system.made == ["orders"])
        let second = try await Provisioning.run([system], creates: true)
        guard case .present = try #require(second.first).outcome else { Issue.record("\(second)"); return }
        #expect(system.made == ["orders"])
    }

    @Test func lookingMakesNothing() async throws {
        let system = FakeSystem([Self.table], exists: [:])
        let report = try await Provisioning.run([system], creates: false)
        guard case .missing = try #require(report.first).outcome else { Issue.record("\(report)"); return }
        #expect(system.made.isEmpty)
    }

    @Test func whatDiffersIsToldAndLeftAlone() async throws {
        let system = FakeSystem([Self.table], exists: ["orders": ["key": "id (N)", "billing": "PROVISIONED"]])
        let report = try await Provisioning.run([system], creates: true)
        guard case .differs(let differences) = try #require(report.first).outcome else { Issue.record("\(report)"); return }
        #expect(
            differences.map(\.description) == [
                "key is id (N), required is orderId (S)", "expiry is not set, required is expires_at",
            ])
        #expect(system.made.isEmpty)
    }

    @Test func aSystemThatFailsIsNamed() async throws {
        let system = FakeSystem([Self.table], exists: [:], failure: StoreError.unavailable("nobody answers"))
        await #expect { try await Provisioning.run([system], creates: true) } throws: { error in
            "\(error)" == "fake: unavailable: nobody answers"
        }
    }
}

/// A system that holds what it is told.
private final class FakeSystem: ResourceProvider {
    let system = "fake"
    let required: [RequiredResource]
    private let failure: StoreError?
    private let state: Mutex<(exists: [String: [String: String]], made: [String])>

    init(_ required: [RequiredResource], exists: [String: [String: String]], failure: StoreError? = nil) {
        self.required = required
        self.failure = failure
        state = Mutex((exists, []))
    }

    var made: [String] { state.withLock { $0.made } }

    func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]] {
        if let failure { throw failure }
        return state.withLock { $0.exists }
    }

    func create(_ resource: RequiredResource) async throws {
        state.withLock {
            $0.exists[resource.name] = Dictionary(uniqueKeysWithValues: resource.properties.map { ($0.name, $0.value) })
            $0.made.append(resource.name)
        }
    }
}
