/// What a drill does, checked.
struct DrillOptions {
    var plan: TroublePlan
    var seed: UInt64
    /// Troubles end after this time, milliseconds; nil: when the plan is done.
    var forMillis: Int?
    /// After this time, milliseconds, no trouble ends the process any more: its memory shows in one long life.
    var spareAfterMillis: Int?
    /// Faults inside the process, as `FaultPlan` reads them.
    var inject: String?
    var brokerCommand: String?
    /// The job is stopped in order before each broker restart, and started after it.
    var stopsForBroker = false
    /// Memory and open files must not grow.
    var checksResources = false

    /// Without any output for so long, troubles not counted, the job is taken for stuck.
    static let patienceMillis = 60_000
    static let stopSecondsMax = 180
    /// So long after its disk was full a process may end by itself.
    static let graceMillis = 30_000
    static let brokerSecondsMax = 120
    static let lookMillis = 5
    /// Runs without trouble at the end, until everything has a result.
    static let lastRunsMax = 3
}
