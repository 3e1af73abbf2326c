import ConnectorKafka
import Testing

@Suite struct RecordViewTests {
    /// Otherwise the record would be of the last millisecond of 1969.
    @Test func aRecordsTimeMayBeMissing() {
        #expect(KafkaRecordView.timestampMillis(ofRecord: -1) == nil)
        let times: [Int64] = [0, 1, 1_700_000_000_000]
        #expect(times.compactMap { KafkaRecordView.timestampMillis(ofRecord: $0) } == times)
    }
}
