import Drills
import Jobs
import Testing

@Suite struct SequenceCheckTests {
    private func check(_ positions: [Int64], of count: Int64) -> DrillFindings {
        var check = SequenceCheck<String>()
        for position in positions { check.add("a", position) }
        return check.findings(of: ["a": count])
    }

    @Test func everyPositionOnceInOrderIsExactlyOnce() {
        let findings = check([0, 1, 2, 3], of: 4)
        #expect(findings.isExactlyOnce)
        #expect((findings.inputs, findings.outputs) == (4, 4))
        #expect(findings.details == [])
    }

    @Test func agapIsLost() { #expect(check([0, 1, 3], of: 4).lost == 1) }
    @Test func whatDoesNotComeAnyMoreIsLost() { #expect(check([0, 1], of: 4).lost == 2) }
    @Test func aKeyWithoutAnyResultIsLost() { #expect(check([], of: 4).lost == 4) }

    @Test func whatComesAgainIsDuplicated() {
        let findings = check([0, 1, 2, 1, 2, 3], of: 4)
        #expect((findings.lost, findings.duplicated, findings.reordered) == (0, 2, 0))
    }

    @Test func whatComesLateIsReorderedAndNotLost() {
        let findings = check([0, 2, 1, 3], of: 4)
        #expect((findings.lost, findings.duplicated, findings.reordered) == (0, 0, 1))
    }

    @Test func resultsOfWhatWasNeverPutInAreWrong() {
        #expect(check([0, 1, 2], of: 2).wrong == 1)
        var check = SequenceCheck<String>()
        check.add("stranger", 0)
        #expect(check.findings(of: [:]).wrong == 1)
    }

    @Test func keysAreWatchedEachForItself() {
        var check = SequenceCheck<Int>()
        for position in 0..<10 { for key in 0..<3 { check.add(key, Int64(position)) } }
        #expect(check.findings(of: [0: 10, 1: 10, 2: 10]).isExactlyOnce)
        #expect(check.distinct == 30)
    }

    @Test func detailsAreBounded() {
        let findings = check((0..<1_000).map { $0 * 2 }, of: 2_000)
        #expect(findings.lost == 1_000)
        #expect(findings.details.count <= 20)
    }
}

@Suite struct NumberedCountTests {
    private let deal = NumberDeal(keys: 10)

    @Test func aNumberSaysItsKeyAndPlace() {
        #expect((deal.key(of: 37), deal.position(of: 37)) == (7, 3))
    }

    @Test func whatIsWrittenIsRead() {
        let counted = NumberedCount(number: 37, count: 4, previous: 27)
        #expect(NumberedCount(counted.encoded()) == counted)
        #expect(NumberedCount(Array("37 4 27".utf8)) == nil)
        #expect(NumberedCount(Array("37 x 27 1".utf8)) == nil)
    }

    @Test func onlyTheStateThatSawEachNumberOnceIsRight() {
        #expect(NumberedCount(number: 37, count: 4, previous: 27).isRight(deal))
        #expect(NumberedCount(number: 7, count: 1, previous: -1).isRight(deal))
        #expect(!NumberedCount(number: 37, count: 5, previous: 27).isRight(deal))
        #expect(!NumberedCount(number: 37, count: 4, previous: 17).isRight(deal))
        #expect(!NumberedCount(number: 37, count: 4, previous: 27, isIntact: false).isRight(deal))
    }
}
