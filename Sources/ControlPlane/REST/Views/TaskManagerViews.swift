import Foundation
import StreamRuntime
import WeirKit

/// `/taskmanagers…` in Flink's shapes: a process of a job is what comes nearest to a task manager. Pure.
package enum TaskManagerViews {
    package static func all(_ jobs: [JobView]) -> JSON {
        ["taskmanagers": JSON(jobs.compactMap(summary))]
    }

    /// `/taskmanagers/:id`; `nil` when no job's process has that id.
    package static func details(_ id: String, _ jobs: [JobView]) -> JSON? {
        guard let view = process(id, jobs) else { return nil }
        let tasks = view.snapshot?.subtasks.count ?? 0
        return summary(view)?.merging([
            "allocatedSlots": [
                ["jobId": JSON(view.record.jobID.rawValue), "resource": resource(cores: 1), "assignedTasks": JSON(tasks)]
            ],
            "metrics": metrics,
        ])
    }

    /// The job whose process is that task manager.
    static func process(_ id: String, _ jobs: [JobView]) -> JobView? {
        jobs.first { $0.record.state.process != nil && TaskManagerID.text($0) == id }
    }

    /// `/taskmanagers/:id/logs`.
    static func logs(_ files: [LogFile]) -> JSON {
        ["logs": JSON(files.map { ["name": JSON($0.name), "size": JSON($0.bytes), "mtime": JSON($0.changedAtMillis)] })]
    }

    private static func summary(_ view: JobView) -> JSON? {
        guard let process = view.record.state.process else { return nil }
        return [
            "id": JSON(TaskManagerID.text(view)), "path": JSON("process/\(process.pid)"), "dataPort": -1, "jmxPort": -1,
            "timeSinceLastHeartbeat": JSON(view.snapshot?.takenAtMillis ?? 0), "slotsNumber": 1, "freeSlots": 0,
            "totalResource": resource(cores: 1), "freeResource": resource(cores: 0), "hardware": hardware,
            "memoryConfiguration": .object(Dictionary(uniqueKeysWithValues: memoryParts.map { ($0, 0) })),
            "blocked": false, "assignedTasks": JSON(view.snapshot?.subtasks.count ?? 0),
        ]
    }

    /// Of the machine: a process has no share of its memory set aside.
    private static var hardware: JSON {
        let machine = ProcessInfo.processInfo
        return [
            "cpuCores": JSON(machine.activeProcessorCount), "physicalMemory": JSON(machine.physicalMemory), "freeMemory": 0,
            "managedMemory": 0,
        ]
    }

    private static func resource(cores: Double) -> JSON {
        [
            "cpuCores": JSON(cores), "taskHeapMemory": 0, "taskOffHeapMemory": 0, "managedMemory": 0, "networkMemory": 0,
            "extendedResources": [:],
        ]
    }

    /// The parts that Flink cuts a process's memory into: none is here.
    private static let memoryParts = [
        "frameworkHeap", "taskHeap", "frameworkOffHeap", "taskOffHeap", "networkMemory", "managedMemory", "jvmMetaspace",
        "jvmOverhead", "totalFlinkMemory", "totalProcessMemory",
    ]

    /// Of the Java virtual machine, which there is none of; a process's own are at `/taskmanagers/:id/metrics`.
    private static let metrics: JSON = {
        let names = [
            "heapUsed", "heapCommitted", "heapMax", "nonHeapUsed", "nonHeapCommitted", "nonHeapMax", "directCount",
            "directUsed", "directMax", "mappedCount", "mappedUsed", "mappedMax", "memorySegmentsAvailable",
            "memorySegmentsTotal", "nettyShuffleMemorySegmentsAvailable", "nettyShuffleMemorySegmentsUsed",
            "nettyShuffleMemorySegmentsTotal", "nettyShuffleMemoryAvailable", "nettyShuffleMemoryUsed",
            "nettyShuffleMemoryTotal",
        ]
        return JSON.object(Dictionary(uniqueKeysWithValues: names.map { ($0, 0) })).merging(["garbageCollectors": []])
    }()
}

enum TaskManagerID {
    static func text(_ view: JobView) -> String { view.record.state.process.map { "\(view.record.name)-\($0.pid)" } ?? "(none)" }
}
