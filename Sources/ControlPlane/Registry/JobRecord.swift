import StreamRuntime

/// What the server remembers of a job, whether it runs or not. Times are Unix milliseconds.
package struct JobRecord: Sendable, Codable, Equatable {
    package let id: JobIDText
    package var submission: Submission
    package var state: JobMachine.State
    /// Of processes; those of attempts are the process's own.
    package var relaunches = 0
    package let createdAtMillis: Int64
    /// Of the last process.
    package var startedAtMillis: Int64?
    package var endedAtMillis: Int64?
    package var modifiedAtMillis: Int64
    /// Of the control API of the last process.
    package var controlToken: String
    /// Of processes that died and were started again, oldest first, the last `FailureHistory.recordsKept`; failures inside a
    /// process are told by the process.
    package var failures: [FailureRecord] = []

    package init(id: JobID, submission: Submission, state: JobMachine.State, createdAtMillis: Int64, controlToken: String) {
        self.id = JobIDText(id)
        self.submission = submission
        self.state = state
        self.createdAtMillis = createdAtMillis
        modifiedAtMillis = createdAtMillis
        self.controlToken = controlToken
    }

    /// A record of any version: what is not known yet when a job is submitted may be missing.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(JobIDText.self, forKey: .id)
        submission = try values.decode(Submission.self, forKey: .submission)
        state = try values.decode(JobMachine.State.self, forKey: .state)
        relaunches = try values.decodeIfPresent(Int.self, forKey: .relaunches) ?? 0
        createdAtMillis = try values.decode(Int64.self, forKey: .createdAtMillis)
        startedAtMillis = try values.decodeIfPresent(Int64.self, forKey: .startedAtMillis)
        endedAtMillis = try values.decodeIfPresent(Int64.self, forKey: .endedAtMillis)
        modifiedAtMillis = try values.decodeIfPresent(Int64.self, forKey: .modifiedAtMillis) ?? createdAtMillis
        controlToken = try values.decode(String.self, forKey: .controlToken)
        failures = try values.decodeIfPresent([FailureRecord].self, forKey: .failures) ?? []
    }

    package var name: String { submission.name }
    package var jobID: JobID { id.value }
}

/// A job's id in JSON.
package struct JobIDText: Sendable, Hashable, Codable {
    package let value: JobID

    package init(_ value: JobID) { self.value = value }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = JobID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a job id")
        }
        self.value = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value.rawValue)
    }
}

/// Something that happened to a job, for people.
package struct JobEvent: Sendable, Codable, Equatable {
    package let atMillis: Int64
    package let text: String

    package init(atMillis: Int64, text: String) {
        self.atMillis = atMillis
        self.text = text
    }
}
