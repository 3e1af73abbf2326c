import ArgumentParser
import StreamRuntime
import WeirKit

/// The flags that say what goes wrong.
struct TroubleFlags: ParsableArguments {
    @Option(help: "Kill the process so often (default 20, or, with --for, without end).")
    var kills: Int?
    @Option(name: .customLong("for"), help: ArgumentHelp("Make trouble for this time.", valueName: "duration"))
    var duration: String?
    @Option(help: ArgumentHelp("From one trouble to the next, on average.", valueName: "duration"))
    var every = "1s"
    @Option(
        help: ArgumentHelp(
            "After this time leave the process alive, so that its memory shows: what ends it is left out.", valueName: "duration")
    )
    var spareAfter: String?
    @Option(help: ArgumentHelp("Gives the troubles and their moments; the same seed, the same troubles.", valueName: "number"))
    var seed: UInt64?
    @Flag(help: "Also let the process stand still (SIGSTOP, SIGCONT) for up to 3 s.")
    var stopCont = false
    @Flag(help: "Also let every write to a file fail for up to 3 s (a file size limit of 0; Linux).")
    var diskFull = false
    @Flag(help: "Also restart the process in order (SIGTERM).")
    var restarts = false
    @Option(
        help: ArgumentHelp(
            "Also restart the broker, with this shell command; it must return when the broker serves again.", valueName: "command"
        ))
    var brokerRestart: String?
    @Flag(help: "Stop the job in order before each broker restart; for stand-ins that forget open transactions.")
    var stopForBroker = false
    @Option(
        help: ArgumentHelp(
            "Faults inside the process, e.g. 'point=any,probability=0.01'; see docs/proof.md.", valueName: "faults"))
    var inject: String?
    @Flag(help: "Fail the drill when the process's memory or open files grow.")
    var checkResources = false

    /// Throws `UsageError`.
    func options() throws -> DrillOptions {
        let everyMillis = try Self.millis(every, "--every")
        let forMillis = try duration.map { try Self.millis($0, "--for") }
        let spareMillis = try spareAfter.map { try Self.millis($0, "--spare-after") }
        if let spareMillis, let forMillis, spareMillis >= forMillis {
            throw UsageError("--spare-after: all troubles are over by then (--for)")
        }
        if let kills, kills < 1 { throw UsageError("--kills: \(kills) is not a number of kills") }
        if stopForBroker, brokerRestart == nil { throw UsageError("--stop-for-broker goes with --broker-restart") }
        if let inject {
            do { _ = try FaultPlan(parsing: inject) } catch { throw UsageError("--inject: \(error)") }
        }
        var others: Set<Trouble.Kind> = []
        if stopCont { others.insert(.standstill) }
        if diskFull { others.insert(.fullDisk) }
        if restarts { others.insert(.restart) }
        if brokerRestart != nil { others.insert(.brokerRestart) }
        let plan = TroublePlan(kills: kills ?? (forMillis == nil ? 20 : nil), others: others, everyMillis: everyMillis)
        var options = DrillOptions(plan: plan, seed: seed ?? .random(in: 1...UInt64(UInt32.max)))
        options.forMillis = forMillis
        options.spareAfterMillis = spareMillis
        options.inject = inject
        options.brokerCommand = brokerRestart
        options.stopsForBroker = stopForBroker
        options.checksResources = checkResources
        return options
    }

    private static func millis(_ text: String, _ option: String) throws -> Int {
        guard let millis = DurationText.parse(text), millis > 0 else {
            throw UsageError("\(option): '\(text)' is not a duration like 500ms, 30s or 2m")
        }
        return millis
    }
}
