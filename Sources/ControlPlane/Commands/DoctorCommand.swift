import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

/// One thing `doctor` looked at.
public struct DoctorFinding: Sendable, Encodable, Equatable {
    public enum Level: String, Sendable, Encodable {
        case ok
        /// Works, but not as it should.
        case warning
        /// Will not work.
        case problem
    }
    public let level: Level
    public let what: String
    public let detail: String
    /// What to do; for everything that is not ok.
    public let remedy: String?

    public init(_ level: Level, _ what: String, _ detail: String, remedy: String? = nil) {
        self.level = level
        self.what = what
        self.detail = detail
        self.remedy = remedy
    }
}

/// An application whose jobs need more than a disk says here what its `doctor` looks at: brokers, stores, permissions.
public protocol DoctorChecking: WeirApplication {
    /// Bounded in time; what cannot be asked is a finding, not an error.
    static func doctorFindings(_ configuration: Configuration) async -> [DoctorFinding]
}

/// `doctor`.
struct DoctorCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "doctor", abstract: "Look for what would keep jobs from running well here, and say what to do.",
            discussion: """
                Looks at folders and disks, limits of the system, the clock, ports, the weir server, and every outside system that \
                the settings name, and changes nothing there. Each finding is 'ok', a 'warning' (works, but not as it should) or a \
                'PROBLEM' (will not work), with its remedy.

                Exit code 1 when there is a problem; warnings are no problem.

                EXAMPLES
                  \(App.commandName) doctor
                  \(App.commandName) doctor --config production.yaml --output json
                """)
    }

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let configuration = try flags.resolve(for: App.self)
        var findings = MachineChecks(configuration).findings + SystemLimits.findings
        findings.append(await serverFinding(configuration))
        if let application = App.self as? any DoctorChecking.Type {
            findings += await application.doctorFindings(configuration)
        }
        if format.isJSON {
            print(try JSONOutput.text(findings))
        } else {
            for finding in findings {
                print("\(Self.mark(finding.level)) \(finding.what): \(finding.detail)")
                if let remedy = finding.remedy { print("          → \(remedy)") }
            }
        }
        let problems = findings.count { $0.level == .problem }
        guard problems == 0 else { throw CommandFailure("\(problems) problem\(problems == 1 ? "" : "s")") }
    }

    private static func mark(_ level: DoctorFinding.Level) -> String {
        switch level {
        case .ok: "ok       "
        case .warning: "warning  "
        case .problem: "PROBLEM  "
        }
    }

    private func serverFinding(_ configuration: Configuration) async -> DoctorFinding {
        do {
            let client = try ServerClient(configuration)
            let jobs = try await client.jobs()
            return DoctorFinding(.ok, "weir server", "answers at \(client.url), \(jobs.count) jobs")
        } catch let failure as CommandFailure where failure.isNoServer {
            return DoctorFinding(
                .ok, "weir server", "none at \(configuration[ControlSettings.serverURL]); jobs run without one too")
        } catch {
            return DoctorFinding(.warning, "weir server", "\(error)", remedy: "Give --token-file, or WEIR_SERVER_TOKEN.")
        }
    }
}
