import HTTPTypes
import Hummingbird

/// What Flink's REST API has and a weir server has no counterpart of: each is answered with 501 and what to use in its place,
/// so that nobody has to guess whether a path is misspelt.
enum AbsentRoutes {
    private struct Absent {
        let method: HTTPRequest.Method
        let paths: [String]
        let says: String
    }

    private static let all: [Absent] = [
        .init(method: .get, paths: ["jars", "jars/:jar/plan"], says: jars),
        .init(method: .delete, paths: ["jars/:jar"], says: jars),
        .init(method: .post, paths: ["jars/upload", "jars/:jar/run", "jars/:jar/plan"], says: jars),
        .init(method: .post, paths: ["savepoint-disposal"], says: disposal),
        .init(method: .get, paths: ["savepoint-disposal/:request"], says: disposal),
        .init(method: .get, paths: ["jobmanager/environment", "jobs/:id/jobmanager/environment"], says: environment),
        .init(
            method: .get, paths: ["jobmanager/logs", "jobmanager/logs/:file", "jobmanager/log", "jobmanager/stdout"],
            says: serverLog),
        .init(method: .get, paths: ["jobmanager/thread-dump", "taskmanagers/:taskmanager/thread-dump"], says: stacks),
        .init(
            method: .get,
            paths: ["jobs/:id/vertices/:vertex/flamegraph", "jobmanager/profiler", "taskmanagers/:taskmanager/profiler"],
            says: stacks),
        .init(method: .post, paths: ["jobmanager/profiler", "taskmanagers/:taskmanager/profiler"], says: stacks),
        .init(
            method: .get, paths: ["jobs/:id/jobmanager/log-url", "jobs/:id/taskmanagers/:taskmanager/log-url"], says: logs),
        .init(method: .put, paths: ["jobs/:id/resource-requirements"], says: requirements),
        .init(method: .patch, paths: ["jobs/:id/clientHeartbeat"], says: heartbeat),
        .init(method: .get, paths: ["jobs/:id/yarn-cancel", "jobs/:id/yarn-stop"], says: yarn),
        .init(method: .delete, paths: ["cluster"], says: cluster),
    ]

    private static let jars = """
        there are no jars here: a job is part of an executable; submit it with 'EXECUTABLE submit JOB', or with POST /jobs and \
        {"name", "executable", "workingDirectory"}
        """
    private static let disposal =
        "a savepoint is never deleted by the server: it is a folder of its owner's; delete that, with all that is in it"
    private static let environment = """
        neither the server nor a job runs in a Java virtual machine: GET /jobmanager/config and GET /jobs/ID/config have the \
        settings
        """
    private static let serverLog =
        "the server logs to its standard error and keeps no file; GET /jobs/ID/logs has the log of a job"
    private static let stacks =
        "stacks are sampled for a job as a whole: POST /jobs/ID/profile, then GET /jobs/ID/profile is the flame graph"
    private static let logs = "logs are kept nowhere else: GET /jobs/ID/logs has the log of a job"
    private static let requirements =
        "a job is rescaled as a whole, and runs with just what is asked for: PATCH /jobs/ID/rescaling?parallelism=N"
    private static let heartbeat =
        "a job never ends because its client does: PATCH /jobs/ID?mode=cancel or POST /jobs/ID/stop ends one"
    private static let yarn = "a GET changes nothing here: PATCH /jobs/ID?mode=cancel or POST /jobs/ID/stop ends a job"
    private static let cluster = """
        the server is ended by a signal to its process, and its jobs run on; PATCH /jobs/ID?mode=cancel or POST /jobs/ID/stop \
        ends one
        """

    static func add(to group: RouterGroup<BasicRequestContext>) {
        for absent in all {
            for path in absent.paths {
                group.on(RouterPath(path), method: absent.method) { _, _ -> Response in
                    throw ControlError(.notImplemented, absent.says)
                }
            }
        }
    }
}
