import CRdKafka
import Foundation
import StreamRuntime
import Synchronization

/// What librdkafka's callbacks reach. Kept alive by the client itself until it is destroyed.
/// Callbacks come from the client's own threads: nothing here may block or call the client.
final class KafkaClientContext: Sendable {
    let log: RuntimeLog
    let controlRequests = ControlRequests()
    private let lastFailure = Mutex<String?>(nil)
    let onClientError: @Sendable (KafkaError, _ isFatal: Bool) -> Void
    let onReadable: @Sendable () -> Void

    init(
        log: RuntimeLog, onClientError: @escaping @Sendable (KafkaError, Bool) -> Void,
        onReadable: @escaping @Sendable () -> Void
    ) {
        self.log = log
        self.onClientError = onClientError
        self.onReadable = onReadable
    }

    /// Why the client could not reach or use a broker when it last could not: a refused login, a certificate, a name.
    var connectionFailure: String? { lastFailure.withLock { $0 } }
    fileprivate func noteConnectionFailure(_ text: String) { lastFailure.withLock { $0 = text } }

    private let lastTransactionFailure = Mutex<String?>(nil)
    /// Why the client's transaction can only be aborted, once that is so. There is no call that tells it to whoever writes.
    var transactionFailure: String? { lastTransactionFailure.withLock { $0 } }
    fileprivate func noteTransactionFailure(_ text: String) { lastTransactionFailure.withLock { $0 = text } }

    static func from(_ opaque: UnsafeMutableRawPointer?) -> KafkaClientContext? {
        opaque.map { Unmanaged<KafkaClientContext>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// One librdkafka client, and the only owner of it: C pointers are not kept elsewhere longer than a call.
///
/// librdkafka clients are thread-safe, so any thread may call one. The client is destroyed on a thread of
/// its own once the last reference is gone, because that joins threads and may take a second; topic and
/// queue handles made from it must be given back before (their owners keep a reference to this).
///
/// `@unchecked Sendable`: `pointer` is set once and librdkafka does its own locking.
final class KafkaHandle: @unchecked Sendable {
    enum Role { case producer, consumer }

    let pointer: OpaquePointer
    let context: KafkaClientContext

    /// `settings` win over the operator's properties, which win over `defaults`.
    init(
        _ role: Role, _ configuration: KafkaConfiguration, defaults: [(String, String)] = [],
        settings: [(String, String)], events: Int32 = 0, log: RuntimeLog,
        onClientError: @escaping @Sendable (KafkaError, _ isFatal: Bool) -> Void = { _, _ in },
        onReadable: @escaping @Sendable () -> Void = {}
    ) throws {
        guard let conf = rd_kafka_conf_new() else { preconditionFailure("rd_kafka_conf_new returned no object") }
        do {
            try Self.apply(defaults, to: conf)
            try Self.apply(configuration.properties.sorted { $0.key < $1.key }, to: conf)
            try Self.apply([("bootstrap.servers", configuration.bootstrapServers)] + settings, to: conf)
        } catch {
            rd_kafka_conf_destroy(conf)
            throw error
        }
        context = KafkaClientContext(log: log, onClientError: onClientError, onReadable: onReadable)
        let opaque = Unmanaged.passRetained(context)
        Self.installCallbacks(conf, opaque.toOpaque(), role, events: events)
        var text = [CChar](repeating: 0, count: 512)
        let type = role == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let made = rd_kafka_new(type, conf, &text, text.count) else {
            rd_kafka_conf_destroy(conf)
            opaque.release()
            throw KafkaConfigurationError(
                property: "(all)", problem: "the client does not start: \(String(cCharacters: text))")
        }
        pointer = made
    }

    deinit {
        let doomed = Doomed(client: pointer, context: Unmanaged.passUnretained(context))
        Thread.detachNewThread {
            // Without the flag a consumer would wait for its group's coordinator.
            rd_kafka_destroy_flags(doomed.client, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
            doomed.context.release()
        }
    }

    /// `@unchecked Sendable`: handed over once, to the thread that destroys it.
    private struct Doomed: @unchecked Sendable {
        let client: OpaquePointer
        let context: Unmanaged<KafkaClientContext>
    }

    private static func apply(_ pairs: some Sequence<(String, String)>, to conf: OpaquePointer) throws {
        for (name, value) in pairs { try set(name, value, conf) }
    }

    private static func apply(_ pairs: [(key: String, value: String)], to conf: OpaquePointer) throws {
        for (name, value) in pairs { try set(name, value, conf) }
    }

    private static func set(_ name: String, _ value: String, _ conf: OpaquePointer) throws {
        var text = [CChar](repeating: 0, count: 512)
        switch rd_kafka_conf_set(conf, name, value, &text, text.count) {
        case RD_KAFKA_CONF_OK: return
        case RD_KAFKA_CONF_UNKNOWN:
            throw KafkaConfigurationError(
                property: name, problem: "librdkafka \(String(cString: rd_kafka_version_str())) does not know it")
        default:
            // The client's own text would repeat the value, which may be a secret.
            throw KafkaConfigurationError(property: name, problem: "librdkafka does not accept its value")
        }
    }

    /// True when the client at hand has a property of this name: they come with its versions.
    static func knows(_ property: String) -> Bool {
        guard let conf = rd_kafka_conf_new() else { preconditionFailure("rd_kafka_conf_new returned no object") }
        defer { rd_kafka_conf_destroy(conf) }
        var size = 0
        return rd_kafka_conf_get(conf, property, nil, &size) == RD_KAFKA_CONF_OK
    }

    /// What came of a question to the brokers. A time-out says little: what the client has heard of its connections
    /// meanwhile is told with it.
    func error(_ code: rd_kafka_resp_err_t, _ doing: String) -> KafkaError {
        KafkaError(code, doing, detail: detail(of: code, String(cString: rd_kafka_err2str(code))))
    }

    func detail(of code: rd_kafka_resp_err_t, _ text: String) -> String {
        switch code {
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
            context.connectionFailure.map { "\(text); the last connection failed: \($0)" } ?? text
        default: text
        }
    }

    /// The code and text of the error that made this client unusable, if one did.
    var fatalError: KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(pointer, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return KafkaError(code, "the client failed for good", detail: String(cCharacters: text))
    }
}

extension KafkaHandle {
    /// Offsets are committed for monitoring only: a failure is worth a line, not more.
    private static func installCommitCallback(_ conf: OpaquePointer) {
        rd_kafka_conf_set_offset_commit_cb(conf) { _, code, _, opaque in
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
            KafkaClientContext.from(opaque)?.log(
                .warning, "committing offsets for monitoring failed",
                ["error": KafkaError(code, "offset commit").description])
        }
    }

    private static func installCallbacks(
        _ conf: OpaquePointer, _ opaque: UnsafeMutableRawPointer, _ role: Role, events: Int32
    ) {
        rd_kafka_conf_set_opaque(conf, opaque)
        rd_kafka_conf_set_log_cb(conf) { client, level, facility, text in
            guard let client, let context = KafkaClientContext.from(rd_kafka_opaque(client)) else { return }
            let name = facility.map { String(cString: $0) } ?? ""
            if name == "FAIL", let text { context.noteConnectionFailure(String(cString: text)) }
            if name == "TXNERR", let text { context.noteTransactionFailure(String(cString: text)) }
            // Warnings about properties of the other role are expected: one property list serves both.
            let severity: RuntimeLog.Level = name == "CONFWARN" || level > 4 ? .debug : level == 4 ? .info : .warning
            context.log(severity, "kafka client: \(text.map { String(cString: $0) } ?? "")", ["facility": name])
        }
        if events != 0 {
            rd_kafka_conf_set_events(conf, events)
        } else {
            rd_kafka_conf_set_error_cb(conf) { client, code, reason, opaque in
                let response = rd_kafka_resp_err_t(rawValue: code)
                KafkaClientContext.from(opaque)?.onClientError(
                    KafkaError(response, "kafka client", detail: reason.map { String(cString: $0) }),
                    response == RD_KAFKA_RESP_ERR__FATAL)
            }
        }
        guard role == .producer else { return installCommitCallback(conf) }
        rd_kafka_conf_interceptor_add_on_new(
            conf, "weir",
            { client, _, opaque, _, _ in
                rd_kafka_interceptor_add_on_request_sent(
                    client, "weir",
                    { _, _, _, _, apiKey, _, _, _, opaque in
                        KafkaClientContext.from(opaque)?.controlRequests.sent(apiKey)
                        return RD_KAFKA_RESP_ERR_NO_ERROR
                    }, opaque)
                return rd_kafka_interceptor_add_on_response_received(
                    client, "weir",
                    { _, _, _, _, apiKey, _, _, _, _, error, opaque in
                        KafkaClientContext.from(opaque)?.controlRequests.answered(apiKey, error)
                        return RD_KAFKA_RESP_ERR_NO_ERROR
                    }, opaque)
            }, opaque)
    }
}

extension String {
    /// A NUL-terminated C buffer's text.
    init(cCharacters: [CChar]) {
        self = String(decoding: cCharacters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
