import Foundation
import StreamRuntime
import Testing
import WeirKit

@Suite struct ManifestDifferenceTests {
    private func manifest(_ epoch: Int, keyGroups: Int = 128, _ operators: String) throws -> CheckpointManifest {
        let text = """
            {"format":1,"checkpoint":"chk-\(epoch)","jobName":"counting","createdAtMillis":1760000000000,"keyGroups":\(keyGroups),
            "operators":[\(operators)]}
            """
        return try JSONDecoder().decode(CheckpointManifest.self, from: Data(text.utf8))
    }

    private func part(_ groups: Range<Int>, _ states: String, file: String, bytes: Int) -> String {
        """
        {"backend":"heap","keyGroupStart":\(groups.lowerBound),"keyGroupEnd":\(groups.upperBound),"states":[\(states)],
        "files":[{"path":"files/\(file)","bytes":\(bytes),"hash":"\(file)"}]}
        """
    }

    private let value = #"{"name":"value","kind":"value","keySchema":"i64","valueSchema":"i64"}"#
    private let wide = #"{"name":"value","kind":"value","keySchema":"i64","valueSchema":"utf8"}"#

    private func source(_ positions: String) -> String {
        #"{"id":"numbers","positions":[\#(positions)],"state":[],"lists":[]}"#
    }

    private func fold(_ parts: String, lists: String = "") -> String {
        #"{"id":"fold","positions":[],"state":[\#(parts)],"lists":[\#(lists)]}"#
    }

    private func list(_ count: Int, file: String) -> String {
        #"{"name":"cuts","schema":"u64","count":\#(count),"file":{"path":"files/\#(file)","bytes":8,"hash":"\#(file)"}}"#
    }

    @Test func positionsStatesKeyGroupsListsAndBytesAreCompared() throws {
        let sink = #"{"id":"sink","positions":[],"state":[],"lists":[]}"#
        let a = try manifest(
            1,
            source(#"{"split":"0","next":5},{"split":"1","next":7},{"split":"2","next":9}"#) + ","
                + fold(
                    part(0..<64, value, file: "f1", bytes: 100) + "," + part(64..<128, value, file: "f2", bytes: 50),
                    lists: list(2, file: "l1")) + "," + sink)
        let b = try manifest(
            2,
            source(#"{"split":"0","next":5},{"split":"1","next":17},{"split":"3","next":1}"#) + ","
                + fold(
                    part(0..<128, wide, file: "f1", bytes: 100) + "," + part(0..<0, "", file: "f3", bytes: 2048),
                    lists: list(2, file: "l2")) + "," + sink + #",{"id":"extra","positions":[],"state":[],"lists":[]}"#)
        let found = ManifestDifference(a, b)
        #expect(found.operators.map(\.id) == ["extra", "fold", "numbers", "sink"])
        #expect(found.operators.map(\.change) == [.added, .changed, .changed, .same])
        #expect(found.sharedBytes == 100 && found.bytesOnlyInA == 58 && found.bytesOnlyInB == 2056)

        let fold = found.operators[1]
        #expect(fold.bytesA == 158 && fold.bytesB == 2156 && fold.positions.isEmpty)
        #expect(fold.states == [.init(name: "value", a: "value, i64 → i64", b: "value, i64 → utf8")])
        #expect(fold.partsA == ["0..<64 heap", "64..<128 heap"])
        #expect(fold.lists == [.init(name: "cuts", a: "2 items of u64", b: "2 items of u64")])
        #expect(
            found.operators[2].positions == [
                .init(name: "1", a: 7, b: 17), .init(name: "2", a: 9, b: nil), .init(name: "3", a: nil, b: 1),
            ])
        let text = found.text
        for line in [
            "operator extra: only in B", "operator fold: differs", "  state: 158 B → 2.1 KiB (+1998 bytes)",
            "  split 1: next position 7 → 17 (+10)", "  split 2: only in A, next position 9",
            "  split 3: only in B, next position 1", "  key groups: 0..<64 heap, 64..<128 heap → ",
            "1 operator is the same in both", "100 B are in files of both, 58 B only in A's, 2.0 KiB only in B's",
        ] {
            #expect(text.contains(line), "\(line)\n\(text)")
        }
    }

    @Test func aCheckpointDoesNotDifferFromItself() throws {
        let one = try manifest(1, source(#"{"split":"0","next":5}"#) + "," + fold(part(0..<128, value, file: "f1", bytes: 100)))
        let found = ManifestDifference(one, one)
        #expect(found.operators.allSatisfy { $0.change == .same } && found.bytesOnlyInA == 0 && found.bytesOnlyInB == 0)
        #expect(found.text.hasSuffix("2 operators are the same in both"))
    }

    @Test func positionsFarApartAreNoTrouble() throws {
        let found = ManifestDifference(
            try manifest(1, source(#"{"split":"0","next":\#(Int64.min)}"#)),
            try manifest(2, source(#"{"split":"0","next":\#(Int64.max)}"#)))
        #expect(found.text.contains("next position \(Int64.min) → \(Int64.max)"))
    }
}
