import CSpawnShim
import Foundation

/// Starts a process that is independent of how this one was started: it has a session of its own (no Ctrl-C of this terminal
/// reaches it), ignores and blocks no signal (threads of Dispatch block SIGTERM, and a child would inherit that), and has none
/// of this process's descriptors.
package enum ProcessSpawn {
    /// Standard output and error are appended to `outputPath`, which only its owner can read. `folder` nil: this process's own;
    /// `input` nil: nothing can be read.
    /// The number is the child's until it is waited for. Throws `ProcessSpawnError`.
    package static func start(
        _ executable: String, _ arguments: [String], environment: [String: String], folder: String? = nil, outputPath: String,
        input: Int32? = nil
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        if let folder { _ = cspawn_chdir(&actions, folder) }
        _ = cspawn_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t(), none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | cspawn_flags)

        var pid = pid_t()
        let code = withCStrings([executable] + arguments) { argv in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                posix_spawn(&pid, executable, &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw ProcessSpawnError(reason: String(cString: strerror(code))) }
        return pid
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return (copies + [nil]).withUnsafeBufferPointer { body($0.baseAddress!) }  // never empty: it ends with nil
    }
}

/// The operating system's reason for not starting a process.
package struct ProcessSpawnError: Error {
    package let reason: String
}
