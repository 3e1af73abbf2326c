import ControlPlane
import Testing

@Suite struct WaitingTests {
    @Test func itSaysHowLongAlreadyOrHowFar() {
        #expect(WaitingText.line("stopping 'a'", seconds: 75, of: nil, state: nil) == "stopping 'a' … 1m 15s")
        #expect(WaitingText.line("stopping 'a'", seconds: 7, of: nil, state: "STOPPING") == "stopping 'a' … 7s (STOPPING)")
        let half = String(repeating: "█", count: 15) + String(repeating: "░", count: 15)
        #expect(WaitingText.line("watching 'a'", seconds: 5, of: 10, state: "RUNNING") == "watching 'a' \(half) 5 of 10 s")
        let full = String(repeating: "█", count: 30)
        #expect(WaitingText.line("watching 'a'", seconds: 12, of: 10, state: nil) == "watching 'a' \(full) 10 of 10 s")
        #expect(WaitingText.plain("watching 'a'", seconds: 5, of: 10, state: "RUNNING") == "watching 'a' … 5s of 10s (RUNNING)")
        #expect(WaitingText.plain("watching 'a'", seconds: 2, of: 1, state: nil) == "watching 'a' … 1s of 1s")
    }

    /// Asked every second, in the state that it has from a second on.
    private func told(_ states: [(from: Int, String)], seconds: Int) -> [Int] {
        var progress = PlainProgress()
        return (0...seconds).filter { second in
            progress.isDue(states.last { $0.from <= second }?.1, atSeconds: second)
        }
    }

    @Test func inAPipeAStateIsToldOnceAndThenMoreAndMoreSeldom() {
        #expect(told([(0, "RUNNING")], seconds: 1) == [])
        #expect(told([(0, "RUNNING")], seconds: 100) == [2, 7, 17, 37, 77])
        #expect(told([(0, "RUNNING")], seconds: 3600).count == 17)
    }

    @Test func inAPipeAnotherStateIsToldTwoSecondsAfterTheLastAtLeast() {
        #expect(told([(0, "RUNNING"), (5, "STOPPING")], seconds: 11) == [2, 5, 10])
        #expect(told([(0, "RUNNING"), (3, "STOPPING")], seconds: 5) == [2, 4])
        let flickering = (0...60).map { (from: $0, $0.isMultiple(of: 2) ? "A" : "B") }
        #expect(told(flickering, seconds: 60).count <= 30)
    }
}
