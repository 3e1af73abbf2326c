import ControlPlane
import Foundation
import TestKit
import Testing
import WeirKit

/// A registry that is not as it was left.
@Suite struct RegistryTests {
    private let folder = TemporaryFolder()

    @Test func aDamagedFileIsRefusedWithTheRemedy() throws {
        let path = folder.path + "/registry.sqlite"
        try Data(repeating: 0x58, count: 8192).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: CommandFailure.self) { try JobRegistry(folder: folder.path) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(path) && text.contains("move the file away") && text.contains("SIGTERM"), "\(text)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == 8192, "it is left as it was")
    }
}
