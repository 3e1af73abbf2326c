import ControlPlane
import Foundation
import StreamRuntime
import Testing
import WeirKit

@Suite struct ServerMetricsTests {
    private func job(_ name: String, _ state: JobMachine.State, relaunches: Int = 0) -> JobView {
        var record = JobRecord(
            id: JobID(namespace: "default", jobName: name),
            submission: Submission(name: name, executable: "/bin/true", workingDirectory: "/"), state: state,
            createdAtMillis: 0, controlToken: "t")
        record.relaunches = relaunches
        return JobView(record: record)
    }

    private func labels(_ name: String) -> MetricRegistry.Labels {
        ["job_name": name, "job_id": JobID(namespace: "default", jobName: name).rawValue]
    }

    @Test func jobsAreCountedByWhereTheyStandAndOnlyThoseThatShouldRunMustAnswer() {
        let registry = ServerMetrics.registry(of: [
            job("waits", .waiting(untilMillis: 5, reason: "it died"), relaunches: 3), job("new", .launching),
            job("bad", .ended(.failed(reason: "x")), relaunches: 9), job("done", .ended(.finished)),
            job("over", .ended(.finished)),
        ])
        func count(_ status: String) -> Double? { registry.value("weir_server_jobs", labels: ["status": status]) }
        #expect(count("RESTARTING") == 1 && count("INITIALIZING") == 1 && count("FAILED") == 1 && count("FINISHED") == 2)
        #expect(count("RUNNING") == 0 && count("PAUSED") == 0, "a status without jobs is there, so that rules see it change")
        #expect(registry.sum("weir_server_jobs") == 5)
        #expect(registry.value("weir_server_job_answers", labels: labels("waits")) == 0)
        #expect(registry.value("weir_server_job_relaunches_total", labels: labels("waits")) == 3)
        #expect(registry.value("weir_server_job_answers", labels: labels("bad")) == nil)
        #expect(registry.value("weir_server_job_relaunches_total", labels: labels("done")) == nil)
    }

    @Test func targetsAreWhatPrometheusExpects() throws {
        let json = ScrapeTargets.json([
            .init(job: "a", id: "0a", host: "127.0.0.1", port: 4000), .init(job: "b", id: "0b", host: "::1", port: 5000),
        ])
        #expect(
            String(decoding: try json.bytes(), as: UTF8.self)
                == #"[{"labels":{"__meta_weir_job_id":"0a","__meta_weir_job_name":"a"},"targets":["127.0.0.1:4000"]},"#
                + #"{"labels":{"__meta_weir_job_id":"0b","__meta_weir_job_name":"b"},"targets":["[::1]:5000"]}]"#)
        #expect(String(decoding: try ScrapeTargets.json([]).bytes(), as: UTF8.self) == "[]")
    }
}
