import StreamRuntime
import Testing

/// The hash and the key groups are part of the checkpoint format: these values may never change.
/// They were made with the reference implementation.
@Suite struct StableHashTests {
    private func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { XXH64.hash($0, seed: seed) }
    }

    @Test(
        arguments: [
            ("", 0, 0xef46_db37_51d8_e999), ("", 1, 0xd5af_ba13_36a3_be4b), ("a", 0, 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0, 0x44bc_2cf5_ad77_0999), ("xxhash", 0, 0x32dd_3895_2c4b_c720),
            ("xxhash", 20_141_025, 0xb559_b98d_844e_0635),
            ("Nobody inspects the spammish repetition", 0, 0xfbce_a83c_8a37_8bf1),
        ] as [(String, UInt64, UInt64)])
    func publishedVectors(_ text: String, _ seed: UInt64, _ expected: UInt64) {
        #expect(hash(Array(text.utf8), seed: seed) == expected)
    }

    @Test func longInput() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(hash(bytes) == 0x1fac_be84_06cd_904b)
        #expect(hash(bytes, seed: 2_654_435_761) == 0xd481_95f4_5908_996c)
    }

    @Test(
        arguments: [
            (0, 0x34c9_6acd_cadb_1bbb), (1, 0x9f29_cb17_a2a4_9995), (42, 0xb556_806f_b6d1_4353),
            (-1, 0x85d1_36ad_b773_c6c9), (Int64.min, 0x3f42_5eac_f015_44e0),
        ] as [(Int64, UInt64)])
    func anIntegerHashesAsItsEightBytes(_ value: Int64, _ expected: UInt64) {
        #expect(value.stableHash == expected)
        #expect(XXH64.hash(UInt64(bitPattern: value)) == expected)
        #expect(hash(withUnsafeBytes(of: value.littleEndian) { Array($0) }) == expected)
        if let narrow = Int32(exactly: value) { #expect(narrow.stableHash == expected) }
    }

    @Test(
        arguments: [
            (0, 26, 6756), (1, 79, 20372), (2, 117, 30051), (42, 90, 23211), (-1, 66, 17128), (1_000_000_007, 71, 18210),
            (Int64.min, 31, 8097),
        ] as [(Int64, Int, Int)])
    func keyGroupsOfIntegers(_ key: Int64, _ of128: Int, _ of32768: Int) {
        #expect(KeyGroups().group(ofHash: key.stableHash) == of128)
        #expect(KeyGroups(count: 32_768).group(ofHash: key.stableHash) == of32768)
    }

    @Test(arguments: [
        ("", 119), ("a", 105), ("user-1", 80), ("AAPL", 14), ("Zürich", 66),
        ("a key that is longer than thirty-two bytes", 54),
    ])
    func keyGroupsOfText(_ key: String, _ expected: Int) {
        #expect(KeyGroups().group(ofHash: key.stableHash) == expected)
    }

    @Test func subtasksShareTheGroupsEvenly() {
        for count in [1, 7, 24, 128, 1000] {
            let groups = KeyGroups(count: count)
            for parallelism in [1, 2, 3, 5, 7, 24] where parallelism <= count {
                var next = 0
                for subtask in 0..<parallelism {
                    let range = groups.range(of: subtask, parallelism: parallelism)
                    #expect(range.lowerBound == next)
                    #expect(range.count == count / parallelism || range.count == (count + parallelism - 1) / parallelism)
                    #expect(range.allSatisfy { groups.subtask(of: $0, parallelism: parallelism) == subtask })
                    next = range.upperBound
                }
                #expect(next == count)
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aStreamHashesAsTheWhole(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let bytes = (0..<Int.random(in: 0...400, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            var stream = XXH64Stream()
            var at = 0
            while at < bytes.count {
                let end = min(bytes.count, at + Int.random(in: 0...70, using: &random))
                bytes[at..<end].withUnsafeBytes { stream.update($0) }
                at = end
            }
            #expect(stream.finish() == hash(bytes), "seed \(seed), \(bytes.count) bytes")
        }
    }

    /// From org.apache.kafka.common.utils.UtilsTest.testMurmur2.
    @Test(
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ] as [(String, Int32)])
    func murmur2IsKafkas(_ text: String, _ expected: Int32) {
        let key = Array(text.utf8)
        #expect(key.withUnsafeBytes { Int32(bitPattern: Murmur2.hash($0)) } == expected)
        let positive = Int32(Int64(expected) & 0x7FFF_FFFF)
        #expect(key.withUnsafeBytes { Murmur2.partition(ofKey: $0, partitions: 10) } == positive % 10)
    }
}
