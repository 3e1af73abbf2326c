import Drills
import Testing

@Suite struct TroubleScheduleTests {
    @Test func aSeedGivesTheSameTroublesAgain() {
        let plan = TroublePlan(kills: 30, others: [.standstill, .fullDisk, .restart])
        #expect(Array(TroubleSchedule(plan, seed: 7)) == Array(TroubleSchedule(plan, seed: 7)))
        #expect(Array(TroubleSchedule(plan, seed: 7)) != Array(TroubleSchedule(plan, seed: 8)))
    }

    @Test(arguments: [1, 20, 100]) func thereAreAsManyKillsAsWereAskedForAndTheOthersInProportion(kills: Int) {
        let plan = TroublePlan(kills: kills, others: [.standstill, .fullDisk, .brokerRestart])
        let counts = Dictionary(grouping: TroubleSchedule(plan, seed: 3), by: \.trouble.kind).mapValues(\.count)
        #expect(counts[.kill] == kills)
        #expect(counts[.standstill] == max(1, kills / 2))
        #expect(counts[.fullDisk] == max(1, kills / 5))
        #expect(counts[.brokerRestart] == max(1, kills / 5))
        #expect(counts[.restart] == nil)
    }

    @Test func withoutANumberOfKillsTroublesOfEveryKindGoOn() {
        let plan = TroublePlan(kills: nil, others: [.standstill, .restart])
        let steps = Array(TroubleSchedule(plan, seed: 5).prefix(2_000))
        #expect(steps.count == 2_000)
        #expect(Set(steps.map(\.trouble.kind)) == [.kill, .standstill, .restart])
    }

    @Test func someTroublesComeWhileTheProcessIsStarting() {
        let steps = Array(TroubleSchedule(TroublePlan(kills: 1_000, everyMillis: 10_000), seed: 1))
        let soon = steps.count { $0.afterMillis <= 300 }
        #expect(150...250 ~= soon, "a fifth of 1000 is to come soon: \(soon)")
        let mean = steps.filter { $0.afterMillis > 300 }.map(\.afterMillis).reduce(0, +) / (steps.count - soon)
        #expect(9_000...11_000 ~= mean)
    }

    @Test func standstillsAndFullDisksLastAsLongAsTheyMay() {
        let plan = TroublePlan(kills: 200, others: [.standstill, .fullDisk])
        for step in TroubleSchedule(plan, seed: 2) {
            switch step.trouble {
            case .standstill(let millis): #expect(200...3_000 ~= millis)
            case .fullDisk(let millis): #expect(500...3_000 ~= millis)
            default: break
            }
        }
    }
}
