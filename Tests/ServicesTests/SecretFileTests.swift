import Foundation
import Services
import TestKit
import Testing

@Suite struct SecretFileTests {
    @Test func aSecretIsMadeOnceAndReadByItsOwnerOnly() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/a/key"
        let made = try SecretFile.load(path)
        #expect(made.utf8.count >= 43)
        #expect(try SecretFile.load(path) == made)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        // Nothing is left beside it.
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/a")
        #expect(names == ["key"])
        chmod(path, 0o644)
        #expect(throws: SecretFileError.self) { try SecretFile.load(path) }
        chmod(path, 0o600)
        try Data("short\n".utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
        #expect(throws: SecretFileError.self) { try SecretFile.load(path) }
    }

    @Test func theNameOfASecretThatIsMadeIsSynced() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/key"
        var synced: [(folder: String, isThere: Bool)] = []
        let sync = { synced.append(($0, FileManager.default.fileExists(atPath: path))) }
        let made = try SecretFile.load(path, syncFolder: sync)
        #expect(synced.map(\.folder) == [URL(fileURLWithPath: folder.path).path])
        #expect(synced.map(\.isThere) == [true])
        #expect(try SecretFile.load(path, syncFolder: sync) == made)
        #expect(synced.count == 1, "once, when it is made")
    }

    @Test func aCredentialIsNeverPrinted() {
        let credential = InternalCredential.random()
        #expect(!"\(credential)".contains(credential.text))
        var dumped = ""
        dump(credential, to: &dumped)
        #expect(!dumped.contains(credential.text))
        #expect(InternalCredential("short") == nil)
        #expect(InternalCredential("has a blank in it, so no header") == nil)
    }
}
