/// Waits until `holds` does: two minutes at most, a limit for what never comes, not a measure of speed.
package func eventually(
    _ what: String, fileID: StaticString = #fileID, line: UInt = #line, _ holds: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !holds() {
        guard ContinuousClock.now < deadline else { throw NeverCame(what: what, place: "\(fileID):\(line)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// What a test waited for did not come.
package struct NeverCame: Error, CustomStringConvertible {
    let what: String
    let place: String
    package var description: String { "\(place): not within two minutes: \(what)" }
}
