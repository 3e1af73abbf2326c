import Foundation
import StreamRuntime
import TestKit
import Testing

/// A failure of the disk says what the system said then, not what `errno` is later.
@Suite struct FileErrorTests {
    @Test func theSystemsErrorIsTakenOutOfFoundations() {
        let cause = NSError(domain: NSPOSIXErrorDomain, code: Int(ENOSPC))
        let error = NSError(domain: NSCocoaErrorDomain, code: 640, userInfo: [NSUnderlyingErrorKey: cause])
        errno = EPERM
        #expect(FileError("copy", "/a", error).code == ENOSPC)
        #expect(FileError("copy", "/a", cause).code == ENOSPC)
        #expect(FileError("copy", "/a", NSError(domain: NSCocoaErrorDomain, code: 640)).code == EIO)
    }

    @Test func theSystemsDiskSaysWhatFailed() throws {
        let folder = TemporaryFolder()
        let (disk, missing) = (SystemDisk(), folder.path + "/none")
        #expect(#expect(throws: FileError.self) { try disk.list(missing) }?.code == ENOENT)
        #expect(#expect(throws: FileError.self) { try disk.adopt(missing, as: folder.path + "/x") }?.code == ENOENT)
        #expect(#expect(throws: FileError.self) { try disk.contents(folder.path) }?.code == EISDIR)
    }
}
