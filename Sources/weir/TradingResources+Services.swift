import ConnectorKafka
import ConnectorLog
import Foundation
import Jobs
import Logging
import Services
import StreamRuntime
import Trading
import TradingStores
import WeirKit

// What the services share beside what the jobs do.
extension TradingResources {
    private var credentialFile: String { "\(dataFolder)/service.key" }
    private var tokenKeyFile: String { "\(dataFolder)/token.key" }

    /// Beside the portfolios unless set.
    var ordersURL: String {
        if let url = configuration[ServiceSettings.orders] { return url }
        return portfoliosURL.hasPrefix("rocksdb:") ? embeddedStore("orders") : portfoliosURL
    }

    func orders() throws -> any OrderLedger {
        try environment.shared.resource(
            (any OrderLedger).self, named: ordersURL,
            make: {
                if ordersURL.hasPrefix("rocksdb:") { try makeFolder(dataFolder) }
                let store = try StoreSetting.open(ServiceSettings.orders.key.name, ordersURL) {
                    try EmbeddedStore.open(insteadSet: "orders=dynamodb://region") { try OrderLedgers.open(ordersURL) }
                }
                return GuardedOrderLedger(store, name: "orders-\(Self.scheme(ordersURL))")
            }, close: { await $0.close() })
    }

    func orderPublisher() throws -> any OrderPublisher {
        let transport = try transport()
        return try environment.shared.resource(
            (any OrderPublisher).self, named: transportURL,
            make: {
                switch transport {
                case .log(let store):
                    return GuardedOrderPublisher(LogOrderPublisher(store), name: "topic-log")
                case .kafka(let configuration, _):
                    let publisher = try KafkaPublisher(configuration, log: environment.log)
                    return GuardedOrderPublisher(KafkaOrderPublisher(publisher), name: "topic-kafka")
                }
            }, close: { await $0.close() })
    }

    /// The secret of gateway and services: as set, else the data folder's.
    func credential() throws -> InternalCredential {
        let text = try configuration[ServiceSettings.credential] ?? SecretFile.load(credentialFile)
        guard let credential = InternalCredential(text) else {
            throw ConfigurationRefusal([
                "services.credential: at least \(InternalCredential.bytesMin) visible ASCII characters"
            ])
        }
        return credential
    }

    /// Who reads tokens, and whether the key is this data folder's own.
    func tokenAuthority() async throws -> (authority: TokenAuthority, isLocal: Bool) {
        let audience = configuration[ServiceSettings.tokenAudience]
        let issuer = configuration[ServiceSettings.tokenIssuer]
        if let keySet = configuration[ServiceSettings.tokenKeySet] {
            guard configuration[ServiceSettings.tokenSecret] == nil else {
                throw ConfigurationRefusal(["tokens.key-set and tokens.secret are both set: tokens are read with one of them"])
            }
            let keys = try json(keySet)
            let authority = try await keyed(ServiceSettings.tokenKeySet.key.name) {
                try await TokenAuthority.keySet(keys, audience: audience, issuer: issuer)
            }
            return (authority, false)
        }
        if let secret = configuration[ServiceSettings.tokenSecret] {
            let authority = try await keyed(ServiceSettings.tokenSecret.key.name) {
                try await TokenAuthority.secret(secret, audience: audience, issuer: issuer)
            }
            return (authority, false)
        }
        let secret = try SecretFile.load(tokenKeyFile)
        return (try await TokenAuthority.secret(secret, audience: audience, issuer: issuer), true)
    }

    /// What `make` makes of the setting `name`.
    private func keyed(_ name: String, _ make: () async throws -> TokenAuthority) async throws -> TokenAuthority {
        do { return try await make() } catch let error as TokenKeyError { throw ConfigurationRefusal(["\(name): \(error)"]) }
    }

    /// A key set is given as it is, or as the file that holds it.
    private func json(_ keySet: String) throws -> String {
        if keySet.hasPrefix("{") { return keySet }
        guard let data = FileManager.default.contents(atPath: keySet) else {
            throw ConfigurationRefusal(["tokens.key-set: the file \(keySet) cannot be read"])
        }
        return String(decoding: data, as: UTF8.self)
    }
}
