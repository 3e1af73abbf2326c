// Starts from a checkpoint or savepoint that the user names (`--from-checkpoint`, `--from-savepoint`).
//
// What was emitted after it would be emitted again, so a start from anything but the last decision has to be accepted
// (`acceptsReplay`). The manifests that follow carry what was started from as their `origin`: a command that is repeated,
// by a supervisor or by a restart of the attempt, goes on from the last of them and replays nothing.

extension Recovery {
    /// A checkpoint that was named, with what identifies it.
    private struct Named {
        let text: String
        let manifest: CheckpointManifest
        let hash: String
        /// `nil`: the job's own checkpoint store.
        var files: FileCheckpointStore?
    }
    /// The last decision and the newest checkpoint on disk.
    private struct Last {
        let id: CheckpointID
        let origin: String?
    }

    /// `nil`: nothing was named, or what follows from it is decided already.
    func explicitStart(_ store: FileCheckpointStore, _ decision: Decision?) throws -> RestorePoint? {
        guard let named = try named(store) else { return nil }
        guard let id = named.manifest.id else {
            throw RecoveryRefusal(
                "\(named.text) carries the id '\(named.manifest.checkpoint)', which is none", remedy: "Give another.")
        }
        let last = try last(store, decision)
        if let last, last.origin == named.hash {
            log.with(epoch: last.id.epoch)(
                .info, "started from it before; going on from the last decision",
                ["start": named.text, "checkpoint": "\(last.id)"])
            return nil
        }
        guard last == nil || last?.id == id || options.acceptsReplay else {
            throw RecoveryRefusal(
                "\(named.text) is not the last decision of the job (\(last.map { "\($0.id)" } ?? "there is none"))",
                remedy: "Outputs after it would be emitted again; say --accept-replay if that is wanted.")
        }
        var restore = RestorePoint(manifest: named.manifest, after: max(last?.id.epoch ?? .genesis, id.epoch))
        restore.files = named.files
        restore.origin = named.hash
        return restore
    }

    private func named(_ store: FileCheckpointStore) throws -> Named? {
        if let path = options.startFromSavepoint {
            let savepoint = try Savepoint(at: path, on: environment.disk)
            return Named(
                text: "savepoint \(path)", manifest: savepoint.manifest, hash: savepoint.hash, files: savepoint.store())
        }
        guard let id = options.startFrom else { return nil }
        let (manifest, hash) = try store.manifest(id)
        return Named(text: "checkpoint \(id)", manifest: manifest, hash: hash)
    }

    /// A genesis decision is none: nothing was emitted before it.
    private func last(_ store: FileCheckpointStore, _ decision: Decision?) throws -> Last? {
        if let decision {
            if decision.isGenesis { return nil }
            return Last(id: decision.checkpoint, origin: try? store.manifest(decision.checkpoint).manifest.origin)
        }
        guard let newest = try store.manifestNames().last else { return nil }
        let manifest: CheckpointManifest
        do { manifest = try store.manifest(named: newest).manifest } catch let refusal as RecoveryRefusal {
            // Whoever accepts a replay needs nothing of it but which epochs are taken, and its name tells that: an older
            // checkpoint is the remedy for one that is damaged.
            guard options.acceptsReplay, let id = id(ofManifest: newest) else { throw refusal }
            log.with(epoch: id.epoch)(.warning, "the newest checkpoint cannot be read", ["error": "\(refusal)"])
            return Last(id: id, origin: nil)
        }
        guard let id = manifest.id, id.epoch > .genesis else { return nil }
        return Last(id: id, origin: manifest.origin)
    }

    /// Of `FileCheckpointStore.manifestName`: `chk-<epoch>-<attempt>.manifest`.
    private func id(ofManifest name: String) -> CheckpointID? {
        let words = name.prefix { $0 != "." }.split(separator: "-")
        guard words.count == 3, let epoch = UInt64(words[1]), epoch <= UInt64(Int64.max),
            let attempt = AttemptID(String(words[2]))
        else {
            return nil
        }
        return CheckpointID(job: job, island: 0, epoch: Epoch(epoch), attempt: attempt)
    }
}
