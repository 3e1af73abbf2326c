import Foundation

/// A file that descriptors write to, and that is set aside when it has grown: `FILE.1` is the last one, `FILE.2` the one
/// before.
///
/// F1. Nothing is set aside before there is a file to go on with.
/// F2. `FILE` names a new file only once the descriptors write to it: who follows and finds it has all of the one before.
package struct RotatedFile: Sendable {
    private let path: String
    private let filesKept: Int
    private let descriptors: [Int32]

    /// `filesKept`: the current one included. `descriptors` are open.
    package init(_ path: String, filesKept: Int, descriptors: [Int32]) {
        self.path = path
        self.filesKept = filesKept
        self.descriptors = descriptors
    }

    /// Lets the descriptors write to the end of the file, made if there is none. The `errno` of what fails, which changes nothing.
    package func open() -> Int32? { moveDescriptors(to: path, 0) }

    /// Goes on with a new file. The `errno` of what fails, which changes nothing.
    package func setAside() -> Int32? {
        let next = "\(path).new"
        if let code = moveDescriptors(to: next, O_TRUNC) { return code }
        for number in stride(from: filesKept - 1, to: 0, by: -1) {
            let older = "\(path).\(number)"
            if number == filesKept - 1 { unlink(older) }
            rename(number == 1 ? path : "\(path).\(number - 1)", older)
        }
        rename(next, path)
        return nil
    }

    /// All at once, so that no line is lost or torn between two files, whoever writes it.
    private func moveDescriptors(to path: String, _ flags: Int32) -> Int32? {
        let opened = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0o600)
        guard opened >= 0 else { return errno }
        fflush(nil)
        for descriptor in descriptors { dup2(opened, descriptor) }
        close(opened)
        return nil
    }
}
