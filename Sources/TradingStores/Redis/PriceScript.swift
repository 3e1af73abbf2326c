import Crypto
import Trading

/// The version-guarded set of a price, as one script, so that no older price can overwrite a newer one
/// whatever the number of writers.
enum PriceScript {
    /// KEYS: price key. ARGV: value, seq, time to live in ms, channel. Returns 1 when the price was newer.
    ///
    /// `seq` is compared as digits, shorter first: Lua's numbers are doubles and lose units above 2^53. What
    /// cannot be read as a price is overwritten.
    static let text = """
        local old = redis.call('GET', KEYS[1])
        if old then
          local seq = string.match(old, '"seq":(%d+)')
          if seq and (#seq > #ARGV[2] or (#seq == #ARGV[2] and seq >= ARGV[2])) then return 0 end
        end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
        redis.call('PUBLISH', ARGV[4], ARGV[1])
        return 1
        """

    /// The name EVALSHA calls it by.
    static let digest: [UInt8] = {
        var text: [UInt8] = []
        for byte in Insecure.SHA1.hash(data: Array(PriceScript.text.utf8)) {
            for nibble in [byte >> 4, byte & 15] { text.append(nibble < 10 ? nibble + 48 : nibble + 87) }
        }
        return text
    }()

    static func key(_ symbol: Symbol) -> [UInt8] { Array("price:\(symbol.text)".utf8) }

    static func channel(_ symbol: Symbol) -> [UInt8] { Array("price_updates:\(symbol.text)".utf8) }

    /// The command that stores `tick`: by digest, or with the whole text when the server does not know it.
    static func command(_ tick: PriceTick, timeToLiveMillis: Int64, whole: Bool) -> [[UInt8]] {
        [
            Array((whole ? "EVAL" : "EVALSHA").utf8), whole ? Array(text.utf8) : digest, [UInt8(ascii: "1")],
            key(tick.symbol), tick.pricedAt.encoded(), Array(String(tick.seq).utf8),
            Array(String(timeToLiveMillis).utf8), channel(tick.symbol),
        ]
    }
}
