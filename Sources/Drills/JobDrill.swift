import StreamRuntime
import WeirKit

/// A job that `drill` can run: what is started, what it is fed, and how its results are judged from outside.
///
/// The drilled process runs `members`, the load among them, so that the load survives kills by its own checkpoints and also
/// works on an embedded log, which one process writes. The drill itself only looks: it reads what is committed, as any other
/// reader would, and never asks the job. One object for each drill, used by one task.
public protocol JobDrill: AnyObject, SendableMetatype {
    /// What `drill` is given.
    static var name: String { get }
    static var summary: String { get }

    /// What runs in the drilled process.
    static var members: [DrillMember] { get }
    /// Arguments of this executable that start the drilled process; settings come by environment variables.
    static var processArguments: [String] { get }
    /// Settings of the drill's own, by name; what the user gives comes before them.
    static var defaults: [String: String] { get }

    /// With the settings that the drilled process gets. Throw `ConfigurationRefusal` for what cannot be drilled.
    init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws

    /// What runs, in words for the report: rate, size of the state, transport.
    var setup: [String] { get }
    /// Troubles begin when so many outputs are visible.
    var warmUpOutputs: Int { get }

    /// Makes what must be there before the first start: topics, accounts. Called once.
    func prepare() async throws
    /// Looks at what has been committed since the last call, and returns how many outputs are visible in all. Called every few
    /// milliseconds, whether the process runs or not; must not wait.
    func observe() throws -> Int
    /// The process is dead: looks until everything it had committed has been seen.
    func settle() throws -> Int
    /// The process has come to an orderly end, its load first and then what works on it: says what came of it all so far. Called at
    /// each orderly end; the process may run again afterwards.
    func judge() async throws -> DrillFindings
    /// The drill has passed: removes what it made outside its folder.
    func cleanUp() async throws
}

extension JobDrill {
    public static var processArguments: [String] { ["drill-process", name] }
    public static var defaults: [String: String] { [:] }
    public func settle() throws -> Int { try observe() }
    public func cleanUp() async throws {}
}

/// A job of the drilled process.
public struct DrillMember: Sendable {
    public let job: any ConfiguredJob.Type
    /// Jobs of lower stages stop first.
    public let stage: Int
    /// How long it may go on, when the stages before have ended, until it has read everything.
    public let catchUp: Duration

    public init(_ job: any ConfiguredJob.Type, stage: Int, catchUp: Duration = .zero) {
        self.job = job
        self.stage = stage
        self.catchUp = catchUp
    }
}

/// An executable that has drills.
public protocol DrillingApplication: WeirApplication {
    static var drills: [any JobDrill.Type] { get }
}

extension DrillingApplication {
    /// Throws `UsageError` with what there is.
    static func drill(named name: String) throws -> any JobDrill.Type {
        if let found = drills.first(where: { $0.name == name }) { return found }
        let listed = drills.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n")
        throw UsageError("there is no drill of '\(name)'. Drills of this executable:\n\(listed)")
    }
}
