import ArgumentParser
import WeirKit

/// The commands of the control plane, for any executable:
///
///     @main struct App: WeirApplication {
///         static let jobs: [any ConfiguredJob.Type] = [WordCount.self]
///         static let extraCommands = ControlCommands.all(for: App.self)
///     }
public enum ControlCommands {
    public static func all<App: WeirApplication>(for application: App.Type) -> [any ParsableCommand.Type] {
        [
            ServerCommand<App>.self, SubmitCommand<App>.self, ListCommand<App>.self, DescribeCommand<App>.self,
            CancelCommand<App>.self, StopCommand<App>.self, CheckpointCommand<App>.self, SavepointCommand<App>.self,
            RescaleCommand<App>.self, LogsCommand<App>.self, LogLevelCommand<App>.self, TopCommand<App>.self,
            ProfileCommand<App>.self,
            ForgetCommand<App>.self, DoctorCommand<App>.self, InitCommand<App>.self,
        ]
    }
}
