import Foundation
import StreamRuntime
import TestKit
import Testing
import WeirKit

@Suite struct ConfigurationTests {
    enum Mode: String, CaseIterable, Sendable { case fast, safe }

    static let workers = Setting.integer("job.workers", default: 2, in: 1...8, help: "Workers.", flag: "workers")
    static let buffer = Setting.bytes("job.buffer", default: 1 << 16, in: 1...(1 << 30), help: "Buffer.")
    static let wait = Setting.millis("job.wait", default: 1500, help: "Wait.")
    static let mode = Setting.enumeration("job.mode", default: Mode.fast, help: "Mode.")
    static let topics = Setting.list("job.topics", default: ["a"], help: "Topics.")
    static let on = Setting.bool("job.on", default: false, help: "On.")
    static let password = Setting.optionalString("job.password", help: "Password.", isSecret: true)
    static let limit = Setting.optionalInteger("job.limit", in: 0...9, help: "Limit.")
    static let home = Setting.string("job.home", default: "here", help: "Home.")
    static let keys = [
        workers.key, buffer.key, wait.key, mode.key, topics.key, on.key, password.key, limit.key, home.key,
    ]

    let folder = TemporaryFolder()
    let table: ConfigurationTable

    init() throws { table = try ConfigurationTable(Self.keys) }

    private func resolve(
        yaml: String? = nil, environment: [String: String] = [:], settings: [String] = [],
        flags: [(key: String, flag: String, value: String)] = []
    ) throws -> Configuration {
        var layers = ConfigurationLayers(file: try yaml.map { try folder.write("c.yaml", $0) }, environment: environment)
        layers.settings = settings
        layers.flags = flags
        return try layers.resolve(table)
    }

    private func refusal(
        yaml: String? = nil, environment: [String: String] = [:], settings: [String] = [],
        flags: [(key: String, flag: String, value: String)] = []
    ) -> [String] {
        do {
            _ = try resolve(yaml: yaml, environment: environment, settings: settings, flags: flags)
            return []
        } catch let refusal as ConfigurationRefusal {
            return refusal.problems.map { $0.replacingOccurrences(of: folder.path + "/", with: "") }
        } catch {
            return ["\(error)"]
        }
    }

    // MARK: Layers

    @Test func anEmptyVariableIsNoneAndAnEmptySettingIsRefusedWhereOneIsNeeded() throws {
        #expect(try resolve(environment: ["WEIR_JOB_HOME": ""])[Self.home] == "here")
        #expect(try resolve(yaml: "job: {home: there}", environment: ["WEIR_JOB_HOME": ""])[Self.home] == "there")
        #expect(refusal(settings: ["job.home="]).first?.contains("job.home is empty") == true)
    }

    @Test func defaultsStandAlone() throws {
        let configuration = try resolve()
        #expect(configuration[Self.workers] == 2)
        #expect(configuration[Self.buffer] == 65_536)
        #expect(configuration[Self.wait] == 1500)
        #expect(configuration[Self.mode] == .fast)
        #expect(configuration[Self.topics] == ["a"])
        #expect(configuration[Self.on] == false)
        #expect(configuration[Self.password] == nil)
        #expect(configuration[Self.limit] == nil)
        #expect(configuration.origin(of: Self.workers) == .default)
    }

    @Test func eachLayerWinsOverTheOneBelow() throws {
        let yaml = "job:\n  workers: 3\n  wait: 3s\n  mode: safe\n  topics: [x, y]\n"
        let file = try resolve(yaml: yaml)
        #expect(file[Self.workers] == 3)
        #expect(file[Self.wait] == 3000)
        #expect(file[Self.mode] == .safe)
        #expect(file[Self.topics] == ["x", "y"])
        #expect(file.origin(of: Self.wait) == .file(path: folder.path + "/c.yaml", line: 3))

        let environment = ["WEIR_JOB_WORKERS": "4", "WEIR_JOB_ON": "yes"]
        let withEnvironment = try resolve(yaml: yaml, environment: environment)
        #expect(withEnvironment[Self.workers] == 4)
        #expect(withEnvironment[Self.on] == true)
        #expect(withEnvironment[Self.mode] == .safe)
        #expect(withEnvironment.origin(of: Self.workers) == .environment(variable: "WEIR_JOB_WORKERS"))

        let withFlags = try resolve(
            yaml: yaml, environment: environment, settings: ["job.buffer=2MiB"],
            flags: [("job.workers", "--workers", "5")])
        #expect(withFlags[Self.workers] == 5)
        #expect(withFlags[Self.buffer] == 2 << 20)
        #expect(withFlags.origin(of: Self.workers) == .flag("--workers"))
        #expect(withFlags.origin(of: Self.buffer) == .flag("--set job.buffer"))
    }

    @Test func dottedNamesAndNestedMapsMeanTheSame() throws {
        #expect(try resolve(yaml: "job.workers: 7")[Self.workers] == 7)
        #expect(try resolve(yaml: "job: {workers: 7}")[Self.workers] == 7)
    }

    @Test func aliasesAreRefusedBeforeTheyAreFollowed() throws {
        var yaml = "a0: &a0 {x: 1}\n"
        for level in 1..<30 { yaml += "a\(level): &a\(level) {p: *a\(level - 1), q: *a\(level - 1)}\n" }
        #expect(refusal(yaml: yaml) == ["c.yaml:1: uses an anchor and aliases (&name, *name), which settings do not need"])
        #expect(try resolve(yaml: "job.password: a &b c # *d")[Self.password] == "a &b c")
    }

    @Test func anEmptyFileSetsNothing() throws {
        #expect(try resolve(yaml: "")[Self.workers] == 2)
        #expect(try resolve(yaml: "# only a comment\n")[Self.workers] == 2)
    }

    @Test func theVariableWeirConfigNamesTheFile() throws {
        let path = try folder.write("other.yaml", "job.workers: 6")
        let layers = ConfigurationLayers(environment: ["WEIR_CONFIG": path])
        #expect(try layers.resolve(table)[Self.workers] == 6)
    }

    @Test func aValueMayContainEqualsSigns() throws {
        #expect(try resolve(settings: ["job.password=a=b"])[Self.password] == "a=b")
    }

    @Test func kubernetesServiceLinksAndTestVariablesAreNotSettings() throws {
        let environment = [
            "WEIR_SERVICE_HOST": "10.0.0.1", "WEIR_SERVICE_PORT": "9600", "WEIR_SERVICE_PORT_HTTP": "9600",
            "WEIR_PORT": "tcp://10.0.0.1:9600", "WEIR_PORT_9600_TCP": "tcp://10.0.0.1:9600",
            "WEIR_PORT_9600_TCP_ADDR": "10.0.0.1", "WEIR_PORT_9600_TCP_PROTO": "tcp", "WEIR_TEST_KAFKA": "x",
        ]
        #expect(refusal(environment: environment) == [])
    }

    /// Of programs that declare no settings for their stores, and of scripts/servers and the like.
    @Test func variablesOfLibrariesAndScriptsAreNotSettings() {
        for variable in ConfigurationLayers.libraryVariables.union(["WEIR_TEST_BACKING", "WEIR_TEST_SOAK_REPORTS"]) {
            #expect(refusal(environment: [variable: "x"]) == [], "\(variable)")
        }
        let kept = ConfigurationLayers.withoutSettings([
            "PATH": "/bin", "WEIR_PARALLELISM": "2", "WEIR_ELASTICSEARCH_API_KEY": "key",
        ])
        #expect(kept == ["PATH": "/bin", "WEIR_ELASTICSEARCH_API_KEY": "key"])
    }

    @Test func aSettingThatIsNotListedEndsTheProgramThatReadsIt() async {
        await #expect(processExitsWith: .failure) {
            let configuration = try ConfigurationLayers(environment: [:]).resolve(ConfigurationTable([]))
            _ = configuration[Setting.integer("a.b", default: 1, help: "")]
        }
    }

    @Test func secretsAreMasked() throws {
        let configuration = try resolve(settings: ["job.password=hunter22"])
        #expect(configuration.entry("job.password")?.shownText == "********")
        #expect(configuration.secretValues == ["hunter22"])
        #expect(configuration[Self.password] == "hunter22")
    }

    @Test func passwordsInURLsAndListsOfSecretsAreMasked() throws {
        let store = Setting.string("store", default: "memory:", help: "")
        let properties = Setting.list("properties", help: "", isSecret: true)
        var layers = ConfigurationLayers(environment: [:])
        layers.settings = ["store=redis://app:hunter22@cache:6379/1?a=b", "properties=user=app,password=hunter23"]
        let configuration = try layers.resolve(ConfigurationTable([store.key, properties.key]))
        #expect(configuration.entry("store")?.shownText == "redis://app:********@cache:6379/1?a=b")
        #expect(configuration[store] == "redis://app:hunter22@cache:6379/1?a=b")
        #expect(configuration.entry("properties")?.shownText == "********")
        #expect(configuration.secretValues == ["user=app", "password=hunter23"])
    }

    // MARK: Refusals

    @Test func unknownSettingsNameTheirPlaceAndTheNearestKey() {
        #expect(
            refusal(yaml: "job:\n  wrokers: 3\n") == [
                "c.yaml:2: unknown setting 'job.wrokers'. Did you mean 'job.workers'? 'config' lists all settings."
            ])
        #expect(
            refusal(environment: ["WEIR_JOB_WORKER": "3"]) == [
                "variable WEIR_JOB_WORKER names no setting. Did you mean 'WEIR_JOB_WORKERS'? 'config' lists all settings."
            ])
        #expect(
            refusal(settings: ["job.mod=fast"]) == [
                "flag --set job.mod: unknown setting 'job.mod'. Did you mean 'job.mode'? 'config' lists all settings."
            ])
        #expect(
            refusal(settings: ["zebra=1"]) == [
                "flag --set zebra: unknown setting 'zebra'. 'config' lists all settings."
            ])
        #expect(
            refusal(settings: ["job=1"]) == [
                "flag --set job: 'job' is a group of settings, not one (for example 'job.buffer')"
            ])
    }

    @Test func badValuesNameWhatIsAllowed() {
        #expect(
            refusal(flags: [("job.workers", "--workers", "9")]) == [
                "flag --workers: '9' is not a value of job.workers, which takes a whole number from 1 to 8"
            ])
        #expect(
            refusal(settings: ["job.wait=3"]) == [
                "flag --set job.wait: '3' is not a value of job.wait, which takes a duration like 250ms, 1s or 2m"
            ])
        #expect(
            refusal(settings: ["job.buffer=2GiB"]) == [
                "flag --set job.buffer: '2GiB' is not a value of job.buffer, which takes a size like 512, 64KiB or "
                    + "1.5GiB from 1 to 1GiB"
            ])
        #expect(
            refusal(environment: ["WEIR_JOB_MODE": "sfae"]) == [
                "variable WEIR_JOB_MODE: 'sfae' is not a value of job.mode, which takes one of fast, safe; did you mean 'safe'?"
            ])
        #expect(
            refusal(yaml: "job.on: maybe") == [
                "c.yaml:1: 'maybe' is not a value of job.on, which takes true or false"
            ])
    }

    @Test func allProblemsAreToldAtOnce() {
        #expect(refusal(yaml: "nope: 1", environment: ["WEIR_X": "1"], settings: ["job.on"]).count == 3)
    }

    @Test func damagedFilesAreRefused() {
        #expect(refusal(yaml: "- a\n- b\n") == ["c.yaml:1: expected settings as 'name: value'"])
        #expect(
            refusal(yaml: "job:\n  workers:\n") == ["c.yaml:2: 'job.workers' has no value; remove the line to use the default"])
        #expect(
            refusal(yaml: "job.workers: 3\njob:\n  workers: 4\n") == [
                "c.yaml:3: 'job.workers' is given twice, first at c.yaml:1"
            ])
        #expect(refusal(yaml: "a: [").first?.hasPrefix("c.yaml: is not valid YAML:") == true)
        #expect(refusal(yaml: "job.topics: [[a]]") == ["c.yaml:1: 'job.topics' must be a list of plain values without commas"])
    }

    @Test func aMissingFileIsRefused() throws {
        let layers = ConfigurationLayers(file: "/nonexistent/weir.yaml", environment: [:])
        let refusal = #expect(throws: ConfigurationRefusal.self) { try layers.resolve(table) }
        #expect(
            refusal?.problems == ["/nonexistent/weir.yaml: the configuration file cannot be read; check --config or WEIR_CONFIG"])
    }

    @Test func aSetWithoutValueIsRefused() {
        #expect(refusal(settings: ["job.on"]) == ["flag --set job.on: expected key=value"])
        #expect(refusal(settings: ["=1"]) == ["flag --set =1: expected key=value"])
    }

    @Test func aBadSecretIsNotShown() throws {
        let pin = ConfigurationKey(name: "pin", type: .integer(0...9999), defaultText: nil, help: "", isSecret: true)
        var layers = ConfigurationLayers(environment: [:])
        layers.settings = ["pin=12x4"]
        let refusal = try #require(throws: ConfigurationRefusal.self) { try layers.resolve(ConfigurationTable([pin])) }
        #expect(!refusal.description.contains("12x4"))
    }

    @Test func tablesRefuseAmbiguousKeys() {
        func key(_ name: String, _ help: String = "", default text: String? = nil) -> ConfigurationKey {
            ConfigurationKey(name: name, type: .integer(0...9), defaultText: text, help: help)
        }
        func problem(_ keys: [ConfigurationKey]) -> String? {
            do { _ = try ConfigurationTable(keys) } catch { return "\(error)" }
            return nil
        }
        #expect(problem([key("a.b"), key("a.b")]) == nil)
        #expect(
            problem([key("a.b"), key("a.b", "other")])
                == "key 'a.b' is declared twice, differently; give one of the two another name")
        #expect(problem([key("a.b"), key("a-b")]) == "keys 'a-b' and 'a.b' share the variable WEIR_A_B; rename one")
        #expect(problem([key("a", default: "x")]) == "the default 'x' of key 'a' is not a whole number from 0 to 9")
        #expect(problem([key("A")])?.hasPrefix("key 'A' is not well formed") == true)
    }

    // MARK: Standard settings

    @Test func standardDefaultsAreTheEnginesOwn() throws {
        let configuration = try ConfigurationLayers(environment: [:]).resolve(try FixtureTable.make())
        let options = try JobOptions(configuration)
        let engine = JobOptions()
        #expect(options.namespace == engine.namespace)
        #expect(options.parallelism == engine.parallelism)
        #expect(options.keyGroups == engine.keyGroups)
        #expect(options.checkpointRoot == engine.checkpointRoot)
        #expect(options.workRoot == engine.workRoot)
        #expect(options.checkpointIntervalMillis == engine.checkpointIntervalMillis)
        #expect(options.epochTimeoutMillis == engine.epochTimeoutMillis)
        #expect(options.retainedCheckpoints == engine.retainedCheckpoints)
        #expect(options.restart == engine.restart)
        #expect(options.drainTimeoutMillis == engine.drainTimeoutMillis)
        #expect(options.batchRecords == engine.batchRecords)
        #expect(options.latencyIntervalMillis == engine.latencyIntervalMillis)
    }

    @Test func settingsThatDoNotGoTogetherAreRefused() throws {
        var layers = ConfigurationLayers(environment: [:])
        layers.settings = ["parallelism=200"]
        let configuration = try layers.resolve(try FixtureTable.make())
        let refusal = #expect(throws: ConfigurationRefusal.self) { try JobOptions(configuration) }
        #expect(refusal?.description == "flag --set parallelism: parallelism 200 is more than parallelism.max, which is 128")
    }

    @Test func restartStrategiesAreBuiltFromSettings() throws {
        func strategy(_ settings: [String]) throws -> RestartStrategy {
            var layers = ConfigurationLayers(environment: [:])
            layers.settings = settings
            return RestartStrategy(try layers.resolve(try FixtureTable.make()))
        }
        #expect(try strategy(["restart.strategy=none"]) == .none)
        #expect(
            try strategy(["restart.strategy=fixed-delay", "restart.attempts=5", "restart.delay=2s"])
                == .fixedDelay(attempts: 5, delayMillis: 2000))
        #expect(
            try strategy(["restart.strategy=failure-rate", "restart.failures=2", "restart.period=1m"])
                == .failureRate(failures: 2, perMillis: 60_000, delayMillis: 100))
    }
}

enum FixtureTable {
    struct App: WeirApplication { static let jobs: [any ConfiguredJob.Type] = [] }
    static func make() throws -> ConfigurationTable { try App.configurationTable() }
}
