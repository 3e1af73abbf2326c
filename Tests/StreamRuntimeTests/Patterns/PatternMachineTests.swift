import StreamRuntime
import StreamRuntimeTesting
import Testing

@Suite struct PatternMachineTests {
    /// Runs letters a…z through a pattern; each at the time of its position. Matches as "a0 b2".
    private func matches(_ pattern: Pattern<Letter>, _ text: String) throws -> [String] {
        let machine = try PatternMachine(pattern)
        var state = PatternState<Letter>()
        var found: [PatternMatch<Letter>] = []
        for (position, letter) in text.utf8.enumerated() {
            found += machine.expire(at: Int64(position), &state).matches
            found += try machine.process(Letter(Int(letter), position), at: Int64(position), &state)
        }
        found += machine.expire(at: .max, &state).matches
        return found.map { match in
            match.events.map { "\(Character(UnicodeScalar(UInt8($0.value))))\($0.position)" }.joined(separator: " ")
        }
    }

    private static func letter(_ text: Unicode.Scalar) -> @Sendable (Letter) -> Bool { { $0.value == Int(text.value) } }
    private static let a = Pattern.begin("a", letter("a"))

    @Test func contiguity() throws {
        #expect(try matches(Self.a.next("b", Self.letter("b")), "abxab") == ["a0 b1", "a3 b4"])
        #expect(try matches(Self.a.next("b", Self.letter("b")), "axb") == [])
        #expect(try matches(Self.a.followedBy("b", Self.letter("b")), "axbb") == ["a0 b2"])
        #expect(try matches(Self.a.followedByAny("b", Self.letter("b")), "axbb") == ["a0 b2", "a0 b3"])
        #expect(try matches(Self.a.followedBy("b", Self.letter("b")), "aab") == ["a0 b2", "a1 b2"])
    }

    @Test func quantifiers() throws {
        let c = Self.letter("c")
        let b = Self.a.followedBy("b", Self.letter("b"))
        #expect(try matches(b.times(2), "abxbb") == ["a0 b1 b3"])
        #expect(try matches(b.times(2).consecutive, "abxbb") == [])
        #expect(try matches(b.times(1...2), "abb") == ["a0 b1", "a0 b1 b2"])
        #expect(try matches(b.oneOrMore.followedBy("c", c), "abbc") == ["a0 b1 b2 c3", "a0 b1 c3"])
        #expect(try matches(b.oneOrMore.greedy.followedBy("c", c), "abbc") == ["a0 b1 b2 c3"])
        #expect(try matches(b.optional.followedBy("c", c), "abc") == ["a0 b1 c2", "a0 c2"])
        #expect(try matches(b.optional.greedy.followedBy("c", c), "abc") == ["a0 b1 c2"])
        #expect(try matches(b.optional, "ab") == ["a0", "a0 b1"])
        #expect(try matches(Self.a.times(3), "aaaa") == ["a0 a1 a2", "a1 a2 a3"])
    }

    @Test func whatMustNotHappen() throws {
        let (b, c) = (Self.letter("b"), Self.letter("c"))
        #expect(try matches(Self.a.notNext("b", b).followedBy("c", c), "abcaxbc") == ["a3 c6"])
        #expect(try matches(Self.a.notFollowedBy("b", b).followedBy("c", c), "abcaxc") == ["a3 c5"])
        let quiet = Self.a.notFollowedBy("b", b).within(.milliseconds(3))
        #expect(try matches(quiet, "axba") == ["a3"])
        #expect(try matches(quiet, "axxb") == ["a0"], "b comes when the time is over")
    }

    @Test func theLastEventComesLessThanWithinAfterTheFirst() throws {
        let pattern = Self.a.followedBy("b", Self.letter("b")).within(.milliseconds(2))
        #expect(try matches(pattern, "ab") == ["a0 b1"])
        #expect(try matches(pattern, "axb") == [])
    }

    @Test func skipStrategies() throws {
        let pattern = Self.a.oneOrMore.followedBy("b", Self.letter("b"))
        #expect(try matches(pattern, "aab") == ["a0 a1 b2", "a0 b2", "a1 b2"])
        #expect(try matches(pattern.skipping(.skipToNext), "aab") == ["a0 a1 b2", "a1 b2"])
        #expect(try matches(pattern.skipping(.skipPastLastEvent), "aab") == ["a0 a1 b2"])
        #expect(try matches(pattern.skipping(.skipToFirst("b")), "aabab") == ["a0 a1 b2", "a3 b4"])
        #expect(try matches(pattern.skipping(.skipToLast("a")), "aab") == ["a0 a1 b2", "a1 b2"])
        #expect(throws: GraphError.self) { try matches(pattern.skipping(.skipToLast("c")), "aab") }
        #expect(try matches(Self.a.times(3).skipping(.skipPastLastEvent), "aaaaaaa") == ["a0 a1 a2", "a3 a4 a5"])
    }

    @Test func conditionsSeeWhatIsMatchedSoFar() throws {
        let rising = Pattern<Letter>.begin("low") { $0.value < 110 }
            .next("higher") { $0.value > $1["higher"].last?.value ?? $1["low"][0].value }.oneOrMore.consecutive
        #expect(try matches(rising, "acbd") == ["a0 c1", "b2 d3"])
        #expect(try matches(rising, "ace") == ["a0 c1", "a0 c1 e2", "c1 e2"])
    }

    @Test func timeOutsAreTheWaysThatWereNotMatches() throws {
        let machine = try PatternMachine(
            Self.a.followedBy("b", Self.letter("b")).optional.followedBy("c", Self.letter("c")).within(.milliseconds(10)))
        var state = PatternState<Letter>()
        for (position, letter) in "abxa".utf8.enumerated() {
            _ = try machine.process(Letter(Int(letter), position), at: Int64(position), &state)
        }
        #expect(machine.deadline(state) == 10)
        #expect(machine.expire(at: 9, &state).timeouts.isEmpty)
        #expect(machine.expire(at: 12, &state).timeouts.map { $0.events.map(\.position) } == [[0], [0, 1]])
        #expect(machine.expire(at: 13, &state).timeouts.map { $0.events.map(\.position) } == [[3]])
        #expect(state.isEmpty)
    }

    @Test func patternsThatCannotBeLookedForAreRefused() {
        let b = Self.letter("b")
        let wrong: [(Pattern<Letter>, String)] = [
            (Self.a.optional, "optional"), (Self.a.times(0), "one event at least"), (Self.a.followedBy("a", b), "called 'a'"),
            (Self.a.notNext("b", b), "notNext"), (Self.a.notFollowedBy("b", b), "within"),
            (Self.a.notFollowedBy("b", b).oneOrMore, "must not happen"), (Self.a.within(.zero), "millisecond"),
        ]
        for (pattern, words) in wrong {
            #expect { try PatternMachine(pattern) } throws: { "\($0)".contains(words) }
        }
    }

    /// Every way to match of small random patterns in random streams, against the definition; the state is written and read
    /// back now and then.
    @Test(arguments: 0..<40 as Range<UInt64>) func theMachineFindsWhatTheDefinitionSays(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var total = 0
        for _ in 0..<150 {
            let spec = PatternSpec.random(using: &random)
            let letters = (0..<Int.random(in: 1...8, using: &random)).map { _ in Int.random(in: 0..<4, using: &random) }
            var times: [Int64] = []
            for _ in letters { times.append((times.last ?? 0) + Int64.random(in: 0...3, using: &random)) }

            let machine = try PatternMachine(spec.pattern())
            var state = PatternState<Letter>()
            var found: [String] = []
            func note(_ matches: [PatternMatch<Letter>]) {
                found += matches.map { match in
                    let taken = match.stages.flatMap { stage in stage.events.map { (stage.name, $0.position) } }
                    return taken.sorted { $0.1 < $1.1 }.map { "\($0.0):\($0.1)" }.joined(separator: " ")
                }
            }
            for (position, letter) in letters.enumerated() {
                note(machine.expire(at: times[position], &state).matches)
                note(try machine.process(Letter(letter, position), at: times[position], &state))
                if Int.random(in: 0..<4, using: &random) == 0 { state = try copy(state) }
            }
            note(machine.expire(at: .max, &state).matches)
            let expected = PatternReference(spec: spec, letters: letters, times: times).matches()
            #expect(found == expected, "seed \(seed): \(spec) in \(letters) at \(times)")
            if spec.within != nil { #expect(state.isEmpty) }
            total += found.count
        }
        #expect(total > 100, "seed \(seed): the patterns are too seldom matched to tell anything")
    }

    private func copy(_ state: PatternState<Letter>) throws -> PatternState<Letter> {
        var writer = ByteWriter()
        state.encode(into: &writer)
        return try writer.withBytes { bytes in
            var reader = ByteReader(bytes)
            let copied = try PatternState<Letter>(from: &reader)
            #expect(reader.remaining == 0)
            return copied
        }
    }
}
