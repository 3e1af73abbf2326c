import Tracing
import WeirTracing

/// Tracing: off unless an endpoint is set, and without cost then.
public enum TracingSettings {
    public static let endpoint = Setting.optionalString(
        "tracing.endpoint", help: "OTLP/HTTP collector that spans are sent to, e.g. http://127.0.0.1:4318; unset: no tracing.")
    public static let sampleRatio = Setting.string(
        "tracing.sample-ratio", default: "0.1",
        help: "Share of new traces that are recorded, 0 to 1; requests that come with a trace keep its decision.")
    public static let serviceName = Setting.optionalString(
        "tracing.service-name", help: "What spans call this process; unset: the executable's name.")

    static let keys: [ConfigurationKey] = [endpoint.key, sampleRatio.key, serviceName.key]

    /// The tracer the settings describe, made the process's own; nil when there is none. Once per process, before
    /// clients are made: they take the process's tracer when they are.
    /// - Throws: `ConfigurationRefusal`.
    static func bootstrap(_ configuration: Configuration, name: String, version: String) throws -> OTLPTracing? {
        guard let endpoint = configuration[endpoint] else { return nil }
        let text = configuration[sampleRatio]
        guard let ratio = Double(text), (0...1).contains(ratio) else {
            throw ConfigurationRefusal(["\(configuration.origin(of: sampleRatio)): '\(text)' is not a number from 0 to 1"])
        }
        var options = OTLPTracing.Options()
        options.ratio = ratio
        let redactor = LogBootstrap.redactor
        options.redact = { redactor.text($0) }
        let resource = TracingResource(
            service: configuration[serviceName] ?? name, version: version.isEmpty ? "unknown" : version)
        do {
            let tracing = try OTLPTracing(endpoint: endpoint, resource: resource, options: options)
            InstrumentationSystem.bootstrap(tracing.tracer)
            return tracing
        } catch {
            throw ConfigurationRefusal(["\(configuration.origin(of: self.endpoint)): \(error)"])
        }
    }
}
