import StreamRuntime
import Testing
import WeirKit

@Suite struct UnitsTests {
    @Test func durationsSurviveTheirText() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let millis = Int(random.next() >> (1 + random.next() % 62)) % (86_400_000 * 1000)
            #expect(DurationText.parse(DurationText.text(millis)) == millis)
        }
    }

    @Test func sizesSurviveTheirText() {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<20_000 {
            let bytes = Int(random.next() >> (1 + random.next() % 62))
            #expect(ByteSize.parse(ByteSize.text(bytes)) == bytes)
        }
    }

    /// What is accepted is written back as something that means the same; nothing crashes.
    @Test func anyTextIsReadOrRefused() {
        var random = SeededGenerator(seed: 9)
        let alphabet = Array("0123456789.-+ msdhKMGTiB e")
        var (durations, sizes) = (0, 0)
        for _ in 0..<50_000 {
            let text = String((0..<Int(random.next() % 12)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] })
            if let millis = DurationText.parse(text) {
                durations += 1
                #expect(millis >= 0 && DurationText.parse(DurationText.text(millis)) == millis, "\(text)")
            }
            if let bytes = ByteSize.parse(text) {
                sizes += 1
                #expect(bytes >= 0 && ByteSize.parse(ByteSize.text(bytes)) == bytes, "\(text)")
            }
        }
        #expect(durations > 0 && sizes > 0, "nothing was accepted")
    }

    @Test(arguments: [
        ("250ms", 250), ("1s", 1000), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000), ("7d", 604_800_000), ("0", 0),
        ("0.001s", 1),
    ]) func durationIsRead(_ text: String, _ millis: Int) { #expect(DurationText.parse(text) == millis) }

    @Test(arguments: ["", "s", "1", "-1s", "1.s", ".5s", "1 s", "1S", "1.5ms", "0.0001s", "1e3s", "99999999999999999d", "1s2"])
    func durationIsRefused(_ text: String) { #expect(DurationText.parse(text) == nil) }

    @Test(arguments: [
        ("0", 0), ("512", 512), ("512B", 512), ("64KiB", 65_536), ("1.5MiB", 1_572_864), ("2GiB", 2 << 30),
        ("1TiB", 1 << 40),
    ])
    func sizeIsRead(_ text: String, _ bytes: Int) { #expect(ByteSize.parse(text) == bytes) }

    @Test(arguments: ["", "KiB", "64KB", "64k", "-1", "1.5", "0.3KiB", "9999999999TiB", "64 KiB"])
    func sizeIsRefused(_ text: String) { #expect(ByteSize.parse(text) == nil) }

    @Test func theNearestWordIsFoundOrNone() {
        let words = ["parallelism", "checkpoint.interval", "checkpoint.dir"]
        #expect(Nearest.match("paralelism", among: words) == "parallelism")
        #expect(Nearest.match("checkpiont.interval", among: words) == "checkpoint.interval")
        #expect(Nearest.match("banana", among: words) == nil)
        #expect(Nearest.match("", among: words) == nil)
    }
}
