import StreamRuntime

/// A record that the client or a broker will not take. It would come again after a restart, and be refused again.
public struct KafkaMessageRefused: UnrestartableError, CustomStringConvertible {
    /// The code's name, e.g. `MSG_SIZE_TOO_LARGE`.
    public let name: String
    public let description: String

    private init(_ error: KafkaError) {
        name = error.name
        description = error.description
    }

    /// What `error` means to the writer of a job.
    static func meaning(of error: any Error) -> any Error {
        guard let error = error as? KafkaError, error.isOfTheRecord else { return error }
        return KafkaMessageRefused(error)
    }
}
