import Foundation
import StreamRuntime
import TestKit
import Testing

/// A decision must not survive a power loss that its checkpoint's folder does not.
@Suite struct FolderStepTests {
    private func steps(_ path: String, existing: Set<String>) -> [FolderStep] {
        FolderStep.toMake(path, exists: { existing.contains($0) })
    }

    @Test func eachNewFolderIsDurableBeforeTheNextIsMadeInIt() {
        #expect(
            steps("/data/checkpoints/job/files", existing: ["/", "/data"]) == [
                .syncIfReadable("/"), .make("/data/checkpoints"), .sync("/data"), .make("/data/checkpoints/job"),
                .sync("/data/checkpoints"), .make("/data/checkpoints/job/files"), .sync("/data/checkpoints/job"),
            ])
    }

    @Test func aFolderThatIsThereIsMadeDurableToo() {
        #expect(steps("/data/job", existing: ["/", "/data", "/data/job"]) == [.syncIfReadable("/data")])
        #expect(steps("/", existing: ["/"]) == [.syncIfReadable("/")])
    }

    @Test func relativePathsBeginWhereTheProcessIs() {
        #expect(steps("a/b", existing: ["."]) == [.syncIfReadable("."), .make("a"), .sync("."), .make("a/b"), .sync("a")])
        #expect(steps("a/", existing: ["."]) == [.syncIfReadable("."), .make("a/"), .sync(".")])
        #expect(steps("a", existing: []) == [.syncIfReadable("."), .make("a"), .sync(".")], "ends, whatever the disk says")
        #expect(
            steps("checkpoints//job/", existing: ["checkpoints"]) == [
                .syncIfReadable("."), .make("checkpoints//job/"), .sync("checkpoints"),
            ])
    }

    @Test func theSystemsDiskMakesThem() throws {
        let folder = TemporaryFolder()
        let (disk, path) = (SystemDisk(), folder.path + "/a/b/c")
        for _ in 0..<2 { try disk.makeFolder(path) }
        #expect(try disk.list(folder.path + "/a/b") == ["c"])
        #expect(FileManager.default.createFile(atPath: folder.path + "/file", contents: nil))
        let error = #expect(throws: FileError.self) { try disk.makeFolder(folder.path + "/file/d") }
        #expect(error?.code == EEXIST && error?.path == folder.path + "/file")
    }
}
