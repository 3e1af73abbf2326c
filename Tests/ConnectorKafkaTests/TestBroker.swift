import Foundation
import Glibc
import TestKit
import TestServers
import Testing

/// A broker of a test's own: free port, fresh data directory. Never skipped: without the binary the test
/// fails and says how to get it.
final class TestBroker {
    let port: Int
    private let folder = TemporaryFolder()
    private var process: pid_t?

    var bootstrap: String { "127.0.0.1:\(port)" }

    init(started: Bool = true) throws {
        port = try freePort()
        if started { try start() }
    }

    deinit { stop() }

    func start() throws {
        // Dispatch's threads, on which tests run, block signals, and a child inherits that: clear the mask,
        // or the broker would never see SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for fd in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0)
        }
        let path = try Self.binary()
        let words = [path, "start", "--data-dir", folder.path, "--only", "kafka", "--kafka-port", "\(port)"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, path, &actions, &attributes, &arguments, environ) == 0 else {
            throw TestFailure("'\(path)' does not start. \(Self.missing)")
        }
        process = pid
        for _ in 0..<4800 {
            if Self.answers(port) { return }
            usleep(25_000)
        }
        throw TestFailure("the test broker did not open port \(port)")
    }

    /// SIGTERM, so that the broker writes its state; waits for its end.
    func stop() {
        guard let pid = process else { return }
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        process = nil
    }

    static let missing =
        "no test broker: run the tests with `make test`, or start one with `scripts/servers up kafka` and "
        + "set the variables that `scripts/servers env` prints (WEIR_TEST_KAFKA, WEIR_TEST_KAFKA_BIN)"

    private static func binary() throws -> String {
        guard let path = ProcessInfo.processInfo.environment["WEIR_TEST_KAFKA_BIN"], !path.isEmpty else {
            throw TestFailure(missing)
        }
        return path
    }

    /// The broker that all tests may share.
    static func sharedBootstrap() throws -> String {
        guard let address = ProcessInfo.processInfo.environment["WEIR_TEST_KAFKA"], !address.isEmpty else {
            throw TestFailure(missing)
        }
        return address
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func answers(_ port: Int) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// All suites of this module, one test at a time: each starts its own broker, and there are few cores.
@Suite(.serialized) struct KafkaTests {}
