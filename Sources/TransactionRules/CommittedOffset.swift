/// A committed offset as the group's coordinator has it; `offset` is `nil` where there is none.
package struct CommittedOffset: Hashable, Sendable {
    package var offset: Int64?
    package var metadata: String

    package init(offset: Int64?, metadata: String) {
        self.offset = offset
        self.metadata = metadata
    }
}
