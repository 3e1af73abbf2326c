import Foundation
import GRDB
import StreamRuntime
import WeirKit

/// The jobs a server knows, in a SQLite file: what it finds again after its own crash.
///
/// R1. A record is durable before a process is launched for it (`save`), and names the process before that does anything
///     (`LaunchGate`): one that runs is never forgotten.
/// R2. One server per folder, by a lock the operating system lets go of when the server ends.
/// R3. The file holds secrets of submissions; only its owner may read it.
///
/// Calls block for a synced write (milliseconds); the supervisor makes a few per change of a job. Any thread.
package final class JobRegistry: Sendable {
    package static let eventsKeptPerJob = 100

    private let database: DatabaseQueue
    private let lock: FolderLock

    /// Opens or makes the registry in `folder`. Throws `CommandFailure` when another server has it, or it cannot be opened.
    package init(folder: String) throws {
        lock = try FolderLock(folder)
        let path = "\(folder)/registry.sqlite"
        do {
            if !FileManager.default.fileExists(atPath: path) {
                // Should it fail, opening says why.
                _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
            }
            var configuration = Configuration()
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            database = try DatabaseQueue(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            migrator.registerMigration("1") { db in
                try db.execute(
                    sql: """
                        CREATE TABLE jobs (id TEXT PRIMARY KEY, name TEXT NOT NULL, pid INTEGER, record BLOB NOT NULL,
                            snapshot BLOB, changed_at INTEGER NOT NULL);
                        CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, at INTEGER NOT NULL,
                            text TEXT NOT NULL);
                        CREATE INDEX events_of_job ON events (job, number);
                        """)
            }
            try migrator.migrate(database)
        } catch {
            let isDamaged = [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains((error as? DatabaseError)?.resultCode)
            throw CommandFailure(
                "the job registry \(path) cannot be opened: \(error); " + (isDamaged ? Self.remedy : "see --dir"))
        }
    }

    /// Of a file that is damaged.
    private static let remedy = """
        move the file away and start the server again. Jobs that run still run on without it: send SIGTERM to each process that \
        jobs/*/control.json beside it names, and submit the jobs again; they go on from their last checkpoints
        """

    package struct Stored: Sendable {
        package let record: JobRecord
        package let snapshot: JobSnapshot?
    }

    /// In the order of submission. A row that no longer decodes is an error: a running job would be forgotten.
    package func jobs() throws -> [Stored] {
        // A job that is submitted again keeps its row.
        try stored().sorted { $0.record.createdAtMillis < $1.record.createdAtMillis }
    }

    private func stored() throws -> [Stored] {
        try database.read { db in
            try Row.fetchAll(db, sql: "SELECT id, record, snapshot FROM jobs ORDER BY rowid").map { row in
                do {
                    let snapshot: Data? = row["snapshot"]
                    return Stored(
                        record: try JSONDecoder().decode(JobRecord.self, from: row["record"]),
                        snapshot: snapshot.flatMap { try? JSONDecoder().decode(JobSnapshot.self, from: $0) })
                } catch {
                    let id: String = row["id"]
                    throw CommandFailure("job \(id) in the job registry cannot be read: \(error); \(Self.remedy)")
                }
            }
        }
    }

    /// With what happened, in one transaction.
    package func save(_ record: JobRecord, event: String? = nil) throws {
        let data = try JSONEncoder().encode(record)
        let id = record.jobID.rawValue
        try database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO jobs (id, name, pid, record, changed_at) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET name = excluded.name, pid = excluded.pid, record = excluded.record,
                        changed_at = excluded.changed_at
                    """,
                arguments: [id, record.name, record.state.process.map { Int($0.pid) }, data, record.modifiedAtMillis])
            if let event {
                try db.execute(
                    sql: "INSERT INTO events (job, at, text) VALUES (?, ?, ?)", arguments: [id, record.modifiedAtMillis, event])
                try db.execute(
                    sql: """
                        DELETE FROM events WHERE job = ?1 AND number <=
                            (SELECT number FROM events WHERE job = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
                        """,
                    arguments: [id, Self.eventsKeptPerJob])
            }
        }
    }

    /// How a job was when it ended: what is shown of it from then on.
    package func save(_ snapshot: JobSnapshot, of job: JobID) throws {
        let data = try JSONEncoder().encode(snapshot)
        try database.write { db in
            try db.execute(sql: "UPDATE jobs SET snapshot = ? WHERE id = ?", arguments: [data, job.rawValue])
        }
    }

    /// Of a job that is submitted again: what an earlier process of it said is not its own.
    package func forgetSnapshot(of job: JobID) throws {
        try database.write { db in
            try db.execute(sql: "UPDATE jobs SET snapshot = NULL WHERE id = ?", arguments: [job.rawValue])
        }
    }

    /// Oldest first.
    package func events(of job: JobID) throws -> [JobEvent] {
        try database.read { db in
            try Row.fetchAll(db, sql: "SELECT at, text FROM events WHERE job = ? ORDER BY number", arguments: [job.rawValue])
                .map { JobEvent(atMillis: $0["at"], text: $0["text"]) }
        }
    }

    package func remove(_ job: JobID) throws {
        try database.write { db in
            try db.execute(sql: "DELETE FROM jobs WHERE id = ?", arguments: [job.rawValue])
            try db.execute(sql: "DELETE FROM events WHERE job = ?", arguments: [job.rawValue])
        }
    }
}

/// An advisory lock on `<folder>/server.lock`.
private final class FolderLock: Sendable {
    private let descriptor: Int32

    init(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure("the server's folder \(folder) cannot be made: \(ErrorText.of(error)); see --dir")
        }
        let path = "\(folder)/server.lock"
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw CommandFailure("\(path) cannot be opened: \(ErrorText.of(errno)); see --dir")
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            close(opened)
            throw CommandFailure("another weir server runs on \(folder); give this one another --dir and --port")
        }
        descriptor = opened
    }

    deinit { FileLock.release(descriptor) }
}
