import Foundation
import Testing
import WeirKit

@Suite struct ProcessIdentityTests {
    /// Who starts a process may look for it when it has done its work already.
    @Test func aChildThatHasEndedIsKnownUntilItIsWaitedFor() throws {
        let ended = try startedAndEnded()
        let identity = try #require(ProcessIdentity(child: ended))
        #expect(identity.pid == ended && !identity.isAlive)
        #expect(ProcessIdentity(pid: ended) == nil)
        var status: Int32 = 0
        #expect(waitpid(ended, &status, 0) == ended && status == 0)
        #expect(ProcessIdentity(child: ended) != identity)
    }

    @Test func thisProcessIsAlive() throws {
        let current = try #require(ProcessIdentity.current)
        #expect(current.isAlive && current == ProcessIdentity(child: getpid()))
    }

    /// The number of a child that has ended and that nobody has waited for.
    private func startedAndEnded() throws -> pid_t {
        var pid = pid_t()
        let name = strdup("true")
        defer { free(name) }
        var arguments: [UnsafeMutablePointer<CChar>?] = [name, nil]
        try #require(posix_spawnp(&pid, "true", nil, nil, &arguments, nil) == 0)
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 { try #require(errno == EINTR) }
        return pid
    }
}
