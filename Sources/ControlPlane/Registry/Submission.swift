import Foundation
import StreamRuntime
import WeirKit

/// What a job is run with: everything a process needs that knows nothing of who submitted it. Settings are complete in
/// themselves, so that a file or variable that changes later changes no running job.
public struct Submission: Sendable, Codable, Equatable {
    /// What `executable run` calls the job.
    public var name: String
    /// Absolute path of an executable that is a `WeirApplication`.
    public var executable: String
    /// Relative paths in settings start here.
    public var workingDirectory: String
    /// Settings that are not at their defaults, as a user would write them.
    public var settings: [String: String]
    /// The same for secret ones; never shown, never part of a command line.
    public var secrets: [String: String]
    /// Where it starts. Each process is given them: a start that has led to a decision goes on from that.
    public var startArguments: [String]

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, executable, workingDirectory, settings, secrets, startArguments
    }

    public init(
        name: String, executable: String, workingDirectory: String, settings: [String: String] = [:],
        secrets: [String: String] = [:], startArguments: [String] = []
    ) {
        self.name = name
        self.executable = executable
        self.workingDirectory = workingDirectory
        self.settings = settings
        self.secrets = secrets
        self.startArguments = startArguments
    }

    /// What a request or an older registry leaves out is empty.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try values.decode(String.self, forKey: .name),
            executable: try values.decode(String.self, forKey: .executable),
            workingDirectory: try values.decode(String.self, forKey: .workingDirectory),
            settings: try values.decodeIfPresent([String: String].self, forKey: .settings) ?? [:],
            secrets: try values.decodeIfPresent([String: String].self, forKey: .secrets) ?? [:],
            startArguments: try values.decodeIfPresent([String].self, forKey: .startArguments) ?? [])
    }

    /// Arguments a submission may carry.
    static let startFlags: Set<String> = [
        "--from-checkpoint", "--from-savepoint", "--accept-replay", "--allow-non-restored-state",
    ]

    /// Bounds and forms of what comes from outside; says the first thing that is wrong.
    package func check() throws {
        func refuse(_ what: String) -> ControlError { ControlError(.badRequest, what) }
        guard !name.isEmpty, name.utf8.count <= 200, !name.hasPrefix("-") else {
            throw refuse("'name' must be a job's name, of 1 to 200 bytes")
        }
        // What is beyond a zero byte no process would see; the others would move the cursor of who lists the jobs.
        guard name.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { throw refuse("'name' has control characters") }
        guard executable.hasPrefix("/"), workingDirectory.hasPrefix("/"), !(executable + workingDirectory).utf8.contains(0) else {
            throw refuse("'executable' and 'workingDirectory' must be absolute paths")
        }
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw refuse("'\(executable)' is not an executable file on the server's machine")
        }
        guard settings.count + secrets.count <= 1000 else { throw refuse("more than 1000 settings") }
        for (name, text) in settings.merging(secrets, uniquingKeysWith: { $1 }) {
            guard !name.isEmpty, name.utf8.count <= 100, name.utf8.allSatisfy(Self.isOfName), text.utf8.count <= 65_536,
                !text.utf8.contains(0)
            else { throw refuse("'\(name)' is not a setting's name, or its value is too long") }
        }
        for argument in startArguments {
            guard !argument.hasPrefix("-") || Self.startFlags.contains(argument) else {
                throw refuse("'\(argument)' is not an argument that a submission may carry")
            }
            guard !argument.utf8.contains(0), argument.utf8.count <= 4096 else { throw refuse("an argument is too long") }
        }
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57) || byte == 45 || byte == 46
    }

    /// The job's id: given, or derived from namespace and name, as the process itself does it.
    package func jobID() throws -> JobID {
        if let text = settings["job.id"] {
            guard let id = JobID(text) else { throw ControlError(.badRequest, "job.id '\(text)' is not 32 hex digits") }
            return id
        }
        return JobID(namespace: settings["namespace"] ?? StandardSettings.namespace.key.defaultText ?? "default", jobName: name)
    }

    /// How often a process that died is started again: by the same settings that say how often an attempt is.
    package func restartStrategy() throws -> RestartStrategy {
        var layers = ConfigurationLayers(environment: [:])
        let names = StandardSettings.restartNames
        layers.settings = settings.filter { names.contains($0.key) }.map { "\($0.key)=\($0.value)" }
        do {
            return RestartStrategy(try layers.resolve(try StandardSettings.restartTable()))
        } catch {
            throw ControlError(.badRequest, "\(error)")
        }
    }
}
