import Foundation
import Synchronization

/// Faults at named points, for tests of jobs and for drills.
///
///     let plan = FaultPlan([.fail(at: .manifestSynced, onHit: 2)])
///     let test = try JobTest(HotItems(), TestSetup(faults: plan))
///
/// The same plan and seed give the same faults for the same order of points. Any thread.
public final class FaultPlan: FaultInjector {
    public enum Action: Sendable, Hashable {
        /// The attempt fails there, and is restarted by the job's strategy.
        case fail
        /// This process is gone at once, as by `kill -9`.
        case kill
        /// The thread that met the point waits.
        case delay(millis: Int)
    }

    /// What happens at one point.
    public struct Rule: Sendable, Hashable {
        public var point: FaultPoint
        public var action: Action
        /// Each hit is a fault with this probability.
        public var probability: Double
        /// The first hit that counts, from 1.
        public var firstHit: Int
        /// Faults at most.
        public var limit: Int

        public init(
            _ action: Action, at point: FaultPoint, probability: Double = 1, firstHit: Int = 1, limit: Int = .max
        ) {
            self.action = action
            self.point = point
            self.probability = probability
            self.firstHit = firstHit
            self.limit = limit
        }

        /// One failure, at the `hit`-th time that the point is met.
        public static func fail(at point: FaultPoint, onHit hit: Int = 1) -> Rule {
            Rule(.fail, at: point, firstHit: hit, limit: 1)
        }
    }

    private struct State {
        var generator: SeededGenerator
        var hits: [FaultPoint: Int] = [:]
        var faults: [Int: Int] = [:]
    }
    public let rules: [Rule]
    private let state: Mutex<State>

    public init(_ rules: [Rule] = [], seed: UInt64 = 1) {
        self.rules = rules
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
    }

    /// How often each point was met so far.
    public var hits: [FaultPoint: Int] { state.withLock { $0.hits } }
    /// How many faults there were so far.
    public var faultCount: Int { state.withLock { $0.faults.values.reduce(0, +) } }

    public func reached(_ point: FaultPoint) throws {
        let action = state.withLock { state -> Action? in
            let hit = (state.hits[point] ?? 0) + 1
            state.hits[point] = hit
            for (index, rule) in rules.enumerated() where rule.point == point && hit >= rule.firstHit {
                guard state.faults[index] ?? 0 < rule.limit else { continue }
                if rule.probability < 1, Double.random(in: 0..<1, using: &state.generator) >= rule.probability { continue }
                state.faults[index, default: 0] += 1
                return rule.action
            }
            return nil
        }
        switch action {
        case nil: return
        case .fail: throw InjectedFault(point: point)
        case .delay(let millis): Thread.sleep(forTimeInterval: Double(millis) / 1000)
        case .kill:
            kill(getpid(), SIGKILL)
            // The signal is on its way to every thread of the process.
            while true { pause() }
        }
    }
}

/// What a `FaultPlan` makes an attempt fail with.
public struct InjectedFault: Error, Hashable, CustomStringConvertible {
    public let point: FaultPoint
    public init(point: FaultPoint) { self.point = point }
    public var description: String { "fault injected at '\(point)'" }
}

extension FaultPlan {
    /// Reads `point=manifest-synced,probability=0.2,seed=7[,action=kill|fail|delay][,millis=500][,first=3][,limit=1]`,
    /// several of them separated by `;`. One seed serves all. `point=any` stands for every point.
    ///
    /// Throws `FaultPlanError` that says which word is wrong, and what is possible.
    public convenience init(parsing text: String) throws {
        var rules: [Rule] = []
        var seed: UInt64 = 1
        for part in text.split(separator: ";") {
            var fields = try Self.fields(part)
            if let text = fields.removeValue(forKey: "seed") { seed = try Self.number(text, "seed") }
            rules += try Self.rules(&fields)
            if let unknown = fields.keys.sorted().first {
                throw FaultPlanError(
                    "'\(unknown)' is not a part of a fault; parts are point, probability, seed, action, millis, first, limit")
            }
        }
        guard !rules.isEmpty else { throw FaultPlanError("there is no fault in '\(text)'; write point=…,probability=…") }
        self.init(rules, seed: seed)
    }

    private static func fields(_ text: Substring) throws -> [String: String] {
        var fields: [String: String] = [:]
        for field in text.split(separator: ",") {
            let pair = field.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard pair.count == 2 else { throw FaultPlanError("'\(field)' is not of the form name=value") }
            guard fields.updateValue(pair[1], forKey: pair[0]) == nil else { throw FaultPlanError("'\(pair[0])' is given twice") }
        }
        return fields
    }

    private static func rules(_ fields: inout [String: String]) throws -> [Rule] {
        guard let name = fields.removeValue(forKey: "point") else { throw FaultPlanError("a fault needs point=…") }
        let points = name == "any" ? FaultPoint.allCases : FaultPoint(rawValue: name).map { [$0] } ?? []
        guard !points.isEmpty else {
            throw FaultPlanError(
                "there is no point '\(name)'; points are any, \(FaultPoint.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let millis: Int = try number(fields.removeValue(forKey: "millis") ?? "1000", "millis")
        let action: Action
        switch fields.removeValue(forKey: "action") ?? "kill" {
        case "kill": action = .kill
        case "fail": action = .fail
        case "delay": action = .delay(millis: millis)
        case let other: throw FaultPlanError("there is no action '\(other)'; actions are kill, fail, delay")
        }
        let probability: Double = try number(fields.removeValue(forKey: "probability") ?? "1", "probability")
        guard 0...1 ~= probability else { throw FaultPlanError("probability \(probability) is not between 0 and 1") }
        let first: Int = try number(fields.removeValue(forKey: "first") ?? "1", "first")
        let limit: Int = try number(fields.removeValue(forKey: "limit") ?? "\(Int.max)", "limit")
        return points.map { Rule(action, at: $0, probability: probability, firstHit: first, limit: limit) }
    }

    private static func number<Number: LosslessStringConvertible>(_ text: String, _ name: String) throws -> Number {
        guard let number = Number(text) else { throw FaultPlanError("\(name)=\(text) is not a number of the right kind") }
        return number
    }
}

/// A description of faults that cannot be read.
public struct FaultPlanError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
