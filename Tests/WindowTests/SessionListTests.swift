import StreamRuntime
import Testing

@Suite struct SessionListTests {
    static func join(_ times: [Int64], gap: Int64) -> SessionList<[Int64]> {
        var list = SessionList<[Int64]>()
        var dropped: [Int64] = []
        for time in times {
            let window = TimeWindow(start: time, end: Int64(clamping: Int128(time) + Int128(gap)))
            let position = list.join(window, list.touching(window), Elements<Int64>(), dropped: &dropped)
            list.sessions[position].value.append(time)
        }
        return list
    }

    static func permutations(_ values: [Int64]) -> [[Int64]] {
        values.isEmpty
            ? [[]]
            : values.indices.flatMap { index in
                permutations(Array(values[..<index] + values[(index + 1)...])).map { [values[index]] + $0 }
            }
    }

    /// All orders of all sets of up to four times: the sessions are those of the sorted times.
    @Test(arguments: [1, 2, 3] as [Int64]) func sessionsDoNotDependOnTheOrderOfArrival(_ gap: Int64) {
        for set in 1..<(1 << 9) {
            let times = (0..<9).filter { set >> $0 & 1 == 1 }.map { Int64($0) - 4 }
            guard times.count <= 4 else { continue }
            var expected: [[Int64]] = []
            for time in times {
                if let last = expected.last?.last, time - last <= gap {
                    expected[expected.count - 1].append(time)
                } else {
                    expected.append([time])
                }
            }
            for order in Self.permutations(times) {
                let sessions = Self.join(order, gap: gap).sessions
                if sessions.map({ $0.value.sorted() }) != expected { Issue.record("\(order): \(sessions)") }
                if sessions.map(\.window) != expected.map({ TimeWindow(start: $0[0], end: $0[$0.count - 1] + gap) }) {
                    Issue.record("\(order): \(sessions)")
                }
            }
        }
    }

    @Test func duplicatesAndTheEndsOfTimeMakeSessionsToo() {
        let list = Self.join([.max, 5, 5, .min, .max - 3, 5], gap: 10)
        #expect(list.sessions.map(\.value) == [[.min], [5, 5, 5], [.max, .max - 3]])
        #expect(list.sessions.map(\.window.last) == [.min + 9, 14, .max])
    }

    @Test func itReadsBackWhatItWrote() throws {
        let list = Self.join([1, 50, 100], gap: 10)
        let read = try roundTrip(list)
        #expect(read.sessions.map(\.value) == list.sessions.map(\.value))
        #expect(read.sessions.map(\.window) == list.sessions.map(\.window))
    }
}
