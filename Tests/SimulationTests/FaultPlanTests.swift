import StreamRuntime
import StreamRuntimeTesting
import Testing

struct FaultPlanTests {
    private func count(_ numbers: TestSource<Int>, _ counts: CollectSink<String>) -> (Flow) -> Void {
        { flow in
            flow.source(numbers).keyed(by: { $0 % 3 }).fold(0) { count, _ in count += 1 }
                .map { "\($0.key)=\($0.value)" }.sink(counts)
        }
    }

    @Test(
        "a failure at each point of a checkpoint loses and repeats nothing",
        arguments: [
            FaultPoint.barrier, .snapshotTaken, .stateBegin, .fileWritten, .fileSynced, .stateWritten, .allWritten, .prepared,
            .manifestBegin, .manifestSynced, .manifestRenamed, .manifestDurable, .decided, .cleanupBegin, .cleanupManifests,
            .cleanupDone,
        ])
    func failsAt(_ point: FaultPoint) throws {
        let (numbers, counts) = (TestSource<Int>(), CollectSink<String>())
        let plan = FaultPlan([.fail(at: point, onHit: 2)])
        let test = try JobTest(TestSetup(faults: plan), of: count(numbers, counts))
        var failures = 0
        for round in 0..<3 {
            numbers.push(contentsOf: round * 3..<round * 3 + 3)
            do { try test.checkpoint() } catch {
                #expect(error is InjectedFault, "\(error)")
                failures += 1
                try test.restore()
            }
        }
        try test.finish()
        #expect(failures == 1)
        #expect(plan.faultCount == 1)
        #expect(counts.elements.sorted() == ["0=1", "0=2", "0=3", "1=1", "1=2", "1=3", "2=1", "2=2", "2=3"])
    }

    @Test func descriptionOfFaultsIsRead() throws {
        let plan = try FaultPlan(
            parsing: "point=manifest-synced,probability=0.25,seed=7,action=delay,millis=40,first=3,limit=2;point=drain")
        #expect(
            plan.rules == [
                FaultPlan.Rule(.delay(millis: 40), at: .manifestSynced, probability: 0.25, firstHit: 3, limit: 2),
                FaultPlan.Rule(.kill, at: .drain),
            ])
        #expect(try FaultPlan(parsing: "point=any,action=fail").rules.count == FaultPoint.allCases.count)
    }

    @Test(
        "a description that is wrong is refused with what is possible",
        arguments: [
            ("point=nowhere", "manifest-synced"), ("probability=1", "point="), ("point=any,probability=2", "between 0 and 1"),
            ("point=any,action=explode", "kill, fail, delay"), ("point=any,colour=red", "colour"), ("point", "name=value"),
            ("", "point="), ("point=any,seed=x", "seed=x"),
        ])
    func refuses(_ text: String, _ hint: String) {
        let error = #expect(throws: FaultPlanError.self) { _ = try FaultPlan(parsing: text) }
        #expect(error?.description.contains(hint) == true, "\(error?.description ?? "")")
    }

    @Test func theSameSeedGivesTheSameFaults() throws {
        func faults(_ seed: UInt64) -> [Bool] {
            let plan = FaultPlan([FaultPlan.Rule(.fail, at: .prepared, probability: 0.5)], seed: seed)
            return (0..<64).map { _ in (try? plan.reached(.prepared)) == nil }
        }
        #expect(faults(5) == faults(5))
        #expect(faults(5) != faults(6))
    }
}
