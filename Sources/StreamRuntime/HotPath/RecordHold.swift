/// An operator's hold on the records of its task: while it is on, the chain is given none. Owned by the task thread.
struct RecordHold {
    private(set) var isOn = false

    mutating func set(_ isOn: Bool, _ services: TaskServices) {
        if isOn { services.backPressure.raise() }
        guard isOn != self.isOn else { return }
        self.isOn = isOn
        services.setFull(isOn)
    }
}
