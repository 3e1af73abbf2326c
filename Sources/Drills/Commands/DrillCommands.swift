import ArgumentParser
import WeirKit

/// The commands of an executable that has drills:
///
///     @main struct App: DrillingApplication {
///         static let jobs: [any ConfiguredJob.Type] = [WordCount.self]
///         static let drills: [any JobDrill.Type] = [WordCountDrill.self]
///         static let extraCommands = DrillCommands.all(for: App.self)
///     }
public enum DrillCommands {
    public static func all<App: DrillingApplication>(for application: App.Type) -> [any ParsableCommand.Type] {
        [DrillCommand<App>.self, DrillProcessCommand<App>.self]
    }
}
