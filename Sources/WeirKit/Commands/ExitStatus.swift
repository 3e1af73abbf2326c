/// What a Weir executable's process ends with; stable, and part of `--help`.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    case success = 0
    /// The command was understood and did not succeed.
    case failure = 1
    /// Unknown command, flag, job or setting.
    case usage = 2
    /// A start was refused because going on could lose or double records; the message has the remedy.
    case refusedRecovery = 3
    /// Ended at once by a second Ctrl-C.
    case interrupted = 130

    static let helpText = """
        EXIT CODES
          0    done; also after Ctrl-C or SIGTERM, once the final checkpoint is taken
          1    failed
          2    wrong usage: unknown command, flag, job or setting
          3    recovery refused: going on could lose or double records
          130  ended at once by a second Ctrl-C
        """
}
