import ConnectorKafka
import Foundation
import StreamRuntime
import TestServers
import Testing

extension KafkaTests {
    @Suite struct Source {
        @Test func earliest_readsEverythingInOrderPerPartition() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"])
            try produce(broker.bootstrap, "t", (0..<5000).map { ("k\($0 % 10)", "\($0)") })
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]))
            try driven.take(5000)
            #expect(driven.kept.elements.count == 5000)
            for partition in 0..<2 {
                let own = driven.kept.elements.filter { $0.partition == partition }
                #expect(own.map(\.offset) == Array(0..<Int64(own.count)))
            }
            let positions = driven.reader.positions()
            #expect(positions.map(\.split) == ["t/0", "t/1"])
            #expect(positions.reduce(0) { $0 + $1.next } == 5000)
            #expect(driven.metrics.value("weir_kafka_records_read_total", labels: ["operator": "in"]) == 5000)
            #expect(driven.reader.lag().allSatisfy { $0.records == 0 })
        }

        @Test func latest_beginsAfterWhatIsThere_andPositionsCoverIdlePartitions() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"])
            try produce(broker.bootstrap, "t", [("a", "old"), ("b", "old")])
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"], start: .latest))
            try driven.pollFor(millis: 300)
            try produce(broker.bootstrap, "t", [("a", "new")])
            try driven.take(1)
            #expect(driven.kept.elements.map(\.value) == ["new"])
            #expect(driven.reader.positions().count == 2)
        }

        @Test func timestamp_beginsAtTheFirstRecordOfThatTime_elseAtTheEnd() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 2)
            let base = Int64(Date().timeIntervalSince1970 * 1000) - 100_000
            let sink = KafkaSink<Int>(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), topic: "t", delivery: .atLeastOnce
            ) { element, message in
                message.partition = 0
                message.timestampMillis = base + Int64(element) * 1000
                message.setValue("\(element)")
            }
            var writer = try sink.makeWriter(writerContext())
            for element in 0..<10 { try writer.write(element) }
            try writer.endEpoch(Epoch(1))
            try waitUntil("acknowledged") { try writer.isAcknowledged(through: Epoch(1)) }
            writer.close()
            let source = try seenSource(broker.bootstrap, ["t"], start: .timestampMillis(base + 6500))
            let splits = try source.discoverSplits(sourceContext())
            #expect(splits.map(\.start) == [7, 0])
            var driven = try Driven(source)
            try driven.take(3)
            #expect(driven.kept.elements.map(\.value) == ["7", "8", "9"])
        }

        @Test func committed_beginsAtTheGroupsOffsets_whichCheckpointDecidedCommits() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", (0..<10).map { (nil, "\($0)") })
            let unknown = try seenSource(broker.bootstrap, ["t"], start: .committed)
            #expect(try unknown.discoverSplits(sourceContext()).map(\.start) == [-1])
            #expect { try Driven(unknown) } throws: { "\($0)".contains("t/0") && "\($0)".contains("committedOr") }
            var first = try Driven(try seenSource(broker.bootstrap, ["t"], start: .committedOrEarliest))
            try first.take(10)
            first.reader.checkpointDecided([SplitPosition(split: "t/0", next: 4)])
            try waitUntil("the offset is committed") {
                try unknown.discoverSplits(sourceContext()).map(\.start) == [4]
            }
            var second = try Driven(unknown)
            try second.take(6)
            #expect(second.kept.elements.map(\.value) == (4..<10).map { "\($0)" })
        }

        @Test func headersAndNulls_surviveTheJourney() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            let sink = KafkaSink<Int>(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), topic: "t", delivery: .atLeastOnce
            ) { element, message in
                if element == 0 {
                    message.setKey("k")
                    message.addHeader("traceparent", "00-1")
                    message.addHeader("traceparent", "00-2")
                    message.addHeader("none", nil as [UInt8]?)
                } else if element == 1 {
                    message.setKey("")
                    message.setValue("")
                } else if element == 2 {
                    message.skip()
                } else {
                    message.writeValue { $0.append(contentsOf: "in place".utf8) }
                }
            }
            var writer = try sink.makeWriter(writerContext())
            for element in 0..<4 { try writer.write(element) }
            try writer.endEpoch(Epoch(1))
            try waitUntil("acknowledged") { try writer.isAcknowledged(through: Epoch(1)) }
            writer.close()
            let source = KafkaSource<String>(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), topics: ["t"], groupID: "g",
                start: .earliest
            ) { view in
                let headers = view.headers.map { "\($0.name)=\($0.value.map { String(decoding: $0, as: UTF8.self) } ?? "null")" }
                let last = view.header("traceparent").map { String(decoding: $0, as: UTF8.self) } ?? "-"
                return "\(view.keyString ?? "null")|\(view.valueString ?? "null")|\(headers.joined(separator: ","))|\(last)"
            }
            var driven = try Driven(source)
            try driven.take(3)
            #expect(
                driven.kept.elements == [
                    "k|null|traceparent=00-1,traceparent=00-2,none=null|00-2", "|||-", "null|in place||-",
                ])
        }

        @Test func undecodableRecord_failsWithItsPlace_orIsRouted() throws {
            struct Bad: Error {}
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", [(nil, "good"), (nil, "bad"), (nil, "good")])
            let configuration = try KafkaConfiguration(bootstrapServers: broker.bootstrap)
            let decode: KafkaSource<String>.Decode = { view in
                if view.valueString == "bad" { throw Bad() }
                return view.valueString
            }
            var failing = try Driven(
                KafkaSource(configuration, topics: ["t"], groupID: "g", start: .earliest, decode: decode))
            #expect { try failing.take(3) } throws: { "\($0)".contains("t/0 offset 1") }
            #expect(failing.reader.positions() == [SplitPosition(split: "t/0", next: 1)])
            var routing = try Driven(
                KafkaSource<String>(
                    configuration, topics: ["t"], groupID: "g", start: .earliest,
                    onUndecodable: { view, _ in "dlq \(view.offset)" }, decode: decode))
            try routing.take(3)
            #expect(routing.kept.elements == ["good", "dlq 1", "good"])
        }

        @Test func unknownTopic_isNamedWithTheRemedy_andNotCreated() throws {
            let broker = try TestBroker()
            let source = try seenSource(broker.bootstrap, ["nope"])
            #expect { try source.discoverSplits(sourceContext()) } throws: {
                "\($0)".contains("'nope'") && "\($0)".contains("weir provision")
            }
            #expect(try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap)).describe(["nope"]).isEmpty)
        }

        @Test func offsetOutOfRange_saysWhatHappenedAndWhatToDo() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", (0..<10).map { (nil, "\($0)") })
            try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap))
                .deleteRecords(topic: "t", partition: 0, before: 5)
            var driven = try Driven(
                try seenSource(broker.bootstrap, ["t"]), at: [SplitPosition(split: "t/0", next: 2)])
            #expect { try driven.take(1) } throws: {
                $0 is any UnrestartableError && "\($0)".contains("offset 2 of t/0") && "\($0)".contains("retention")
                    && "\($0)".contains("--namespace")
            }
        }

        /// Kafka says no offsets with its refusal: what the partition holds, and so what has happened, is asked for.
        @Test func offsetOutOfRange_tellsWhatIsHeld_thoughTheRefusalDoesNot() async throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", (0..<3).map { (nil, "\($0)") })
            try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap))
                .deleteRecords(topic: "t", partition: 0, before: 2)
            let proxy = try await BrokerProxy(to: broker.port)
            let bootstrap = "127.0.0.1:\(proxy.port)"
            // Blocks: not on a thread of Swift's own pool, where the proxy runs.
            let told = await withCheckedContinuation { (done: CheckedContinuation<String, Never>) in
                DispatchQueue.global().async {
                    do {
                        var driven = try Driven(try seenSource(bootstrap, ["t"]), at: [SplitPosition(split: "t/0", next: 0)])
                        try driven.take(1)
                        done.resume(returning: "no error")
                    } catch {
                        done.resume(returning: "\(error)")
                    }
                }
            }
            await proxy.stop()
            withExtendedLifetime(broker) {}
            #expect(told.hasPrefix("offset 0 of t/0 is out of range (it holds 2 to 3): retention"), "\(told)")
        }

        @Test func aTopicThatWasReadAndIsGone_isRefusedForGood_anUnknownOneIsNot() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            var source = try seenSource(broker.bootstrap, ["t"])
            source.topicGoneAfterMillis = 500
            #expect(try source.discoverSplits(sourceContext()).count == 1)
            try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap)).deleteTopics(["t"])
            #expect { try source.discoverSplits(sourceContext()) } throws: {
                $0 is KafkaTopicGone && $0 is any UnrestartableError && "\($0)".contains("'t'")
            }
            let stranger = try seenSource(broker.bootstrap, ["t"])
            #expect { try stranger.discoverSplits(sourceContext()) } throws: { !($0 is any UnrestartableError) }
        }

        @Test func aTopicThatComesBackInTime_isGoneOnWith() throws {
            let broker = try TestBroker()
            let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            var source = try seenSource(broker.bootstrap, ["t"])
            source.topicGoneAfterMillis = 120_000
            _ = try source.discoverSplits(sourceContext())
            try admin.deleteTopics(["t"])
            // The first question is before the first look; the second one comes once the topic has been missed.
            let (isLooking, isMade, bootstrap) = (Flag(), Flag(), broker.bootstrap)
            let context = sourceContext(isCancelled: {
                if isLooking.isSet, !isMade.isSet {
                    isMade.set()
                    try? makeTopics(bootstrap, ["t"], partitions: 1)
                }
                isLooking.set()
                return false
            })
            #expect(try source.discoverSplits(context).map(\.id) == ["t/0"])
            #expect(isMade.isSet)
        }

        @Test func newPartitions_areForAnotherAttempt() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            let source = try seenSource(broker.bootstrap, ["t"], partitionCheckMillis: 100)
            var driven = try Driven(source)
            try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap)).createPartitions("t", total: 3)
            var found: NewSplits?
            try waitUntil("the reader tells of the new partitions") {
                do { _ = try driven.reader.poll(into: &driven.kept, budget: 1000) } catch let splits as NewSplits {
                    found = splits
                }
                return found != nil
            }
            #expect(found?.description == "topic 't' has 3 partitions, it had 1")
            driven.reader.close()
            #expect(try source.discoverSplits(sourceContext()).map(\.id) == ["t/0", "t/1", "t/2"])
        }

        @Test func looksForNewPartitionsThatFail_areToldOnceAnOutage() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            let lines = LogLines()
            var driven = try Driven(
                try seenSource(broker.bootstrap, ["t"], partitionCheckMillis: 50), log: lines.log)
            broker.stop()
            try waitUntil("the first look has failed") { lines.contains("cannot be looked at for new partitions") }
            try broker.start()
            try waitUntil("a look succeeds") { lines.contains("looked at for new partitions again") }
            #expect(lines.all.filter { $0.contains("cannot be looked at for new partitions") }.count == 1)
            driven.reader.close()
        }

        @Test func brokerDownAtStart_waitsAndTells_andCanBeCancelled() throws {
            let broker = try TestBroker(started: false)
            let lines = LogLines()
            let source = try seenSource(broker.bootstrap, ["t"])
            let cancelled = lines.cancels(after: "waiting for the brokers")
            #expect(throws: KafkaCancelled.self) {
                try source.discoverSplits(sourceContext(lines.log, isCancelled: cancelled))
            }
            #expect(lines.contains("waiting for the brokers"))
        }

        @Test func brokerRestart_inTheMiddle_isWaitedForAndReadingGoesOn() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", [(nil, "before")])
            let lines = LogLines()
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]), log: lines.log)
            try driven.take(1)
            broker.stop()
            try waitUntil("the reader says that it waits") {
                _ = try driven.reader.poll(into: &driven.kept, budget: 1000)
                return lines.contains("waiting for the brokers")
            }
            try broker.start()
            try produce(broker.bootstrap, "t", [(nil, "after")])
            try driven.take(2)
            #expect(driven.kept.elements.map(\.value) == ["before", "after"])
        }

        /// Otherwise the last records of a burst stay in the sinks' buffers until the next barrier.
        @Test func pollThatEmittedSomething_saysProgressed_soThatTheTailIsHandedOn() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", (0..<10).map { (nil, "\($0)") })
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]))
            try waitUntil("all ten are read") {
                let before = driven.kept.elements.count
                let status = try driven.reader.poll(into: &driven.kept, budget: 1000)
                #expect(driven.kept.elements.count == before || status == .progressed)
                return driven.kept.elements.count == 10
            }
            try waitUntil("the reader is idle") {
                try driven.reader.poll(into: &driven.kept, budget: 1000) != .progressed
            }
            driven.reader.close()
        }
    }
}
