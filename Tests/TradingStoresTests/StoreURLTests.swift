import StoreKit
import Testing
import TradingStores

@Suite struct StoreURLTests {
    @Test(arguments: [
        ("mongodb://x", "memory:, rocksdb:///path, dynamodb://region"), ("dynamodb://", "names no region"),
        ("dynamodb://eu-west-1?endpont=x", "unknown setting 'endpont'"), ("rocksdb://host/path", "rocksdb:///absolute/path"),
        ("dynamodb://eu-west-1?timeout-ms=-1", "whole number above zero"), ("dynamodb://r?endpoint=nonsense", "http://host:port"),
        ("no url", "what begins with 'no url' is not a URL"),
    ])
    func portfolioURLsThatCannotBeUsedSayWhy(_ url: String, _ words: String) {
        let error = #expect(throws: StoreError.self) { try PortfolioStores.open(url, environment: [:]) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func priceURLsThatCannotBeUsedSayWhyAndHidePasswords() {
        let error = #expect(throws: StoreError.self) { try PriceStores.open("redis://u:secret@host:1?x=1") }
        #expect(error?.description.contains("secret") == false)
        let unknown = #expect(throws: StoreError.self) { try PriceStores.open("http://host") }
        #expect(unknown?.description.contains("memory:, redis://host:port") == true)
    }
}
