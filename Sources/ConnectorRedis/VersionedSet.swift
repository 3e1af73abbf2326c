import Crypto

/// The version-guarded set of a value, as one script, so that no older value can overwrite a newer one whatever the number
/// of writers; who listens on the channel is told of newer ones only.
///
/// Values are JSON objects with their version inside, a whole number not below zero, so that readers need nothing but GET.
package struct VersionedSet: Hashable, Sendable {
    package var key: [UInt8]
    package var value: [UInt8]
    package var version: Int64
    package var timeToLiveMillis: Int64
    package var channel: [UInt8]
    /// The name of the version in `value`; letters, digits and `_`.
    package var versionField: String

    package init(
        key: [UInt8], value: [UInt8], version: Int64, timeToLiveMillis: Int64, channel: [UInt8], versionField: String
    ) {
        self.key = key
        self.value = value
        self.version = version
        self.timeToLiveMillis = timeToLiveMillis
        self.channel = channel
        self.versionField = versionField
    }

    /// KEYS: the key. ARGV: value, version, time to live in ms, channel, name of the version. Returns 1 when it was newer.
    ///
    /// Versions are compared as digits, shorter first: Lua's numbers are doubles and lose units above 2^53. A value whose
    /// version cannot be read is overwritten.
    package static let script = """
        local old = redis.call('GET', KEYS[1])
        if old then
          local version = string.match(old, '"' .. ARGV[5] .. '":(%d+)')
          if version and (#version > #ARGV[2] or (#version == #ARGV[2] and version >= ARGV[2])) then return 0 end
        end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
        redis.call('PUBLISH', ARGV[4], ARGV[1])
        return 1
        """

    /// The name EVALSHA calls it by.
    package static let digest: [UInt8] = {
        let digits = Array("0123456789abcdef".utf8)
        return Insecure.SHA1.hash(data: Array(script.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }()

    /// By digest, or with the whole text when the server does not know it.
    package func command(whole: Bool) -> [[UInt8]] {
        [
            Array((whole ? "EVAL" : "EVALSHA").utf8), whole ? Array(Self.script.utf8) : Self.digest, [UInt8(ascii: "1")], key,
            value, Array(String(version).utf8), Array(String(timeToLiveMillis).utf8), channel, Array(versionField.utf8),
        ]
    }
}

/// What the server's refusals mean.
package enum RedisRefusal {
    private static let passing = [
        "LOADING", "BUSY", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF", "NOREPLICAS",
        "ERR max number of clients reached",
    ]

    /// Whether the same command may succeed later.
    package static func isPassing(_ words: String) -> Bool { passing.contains(where: words.hasPrefix) }
}
