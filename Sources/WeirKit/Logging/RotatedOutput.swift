import Dispatch
import Foundation

/// Sends standard output and standard error to a file, and sets the file aside when it has grown: `FILE.1` is the last one,
/// `FILE.2` the one before. The two descriptors are moved to the new file at once, so that no line is lost or torn between
/// two files, whoever writes it.
enum RotatedOutput {
    private static let checkSeconds = 1
    private static let queue = DispatchQueue(label: "weir.log-file")

    /// For the rest of the process. A file that cannot be opened is said on standard error, which then stays.
    static func redirect(to path: String, bytesMax: Int, filesKept: Int) {
        guard open(path) else { return }
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + .seconds(checkSeconds), repeating: .seconds(checkSeconds))
        timer.setEventHandler {
            _ = timer  // lives as long as its handler: for ever
            var info = stat()
            guard fstat(STDERR_FILENO, &info) == 0, Int(info.st_size) > bytesMax else { return }
            for number in stride(from: filesKept - 1, to: 0, by: -1) {
                let older = "\(path).\(number)"
                if number == filesKept - 1 { unlink(older) }
                rename(number == 1 ? path : "\(path).\(number - 1)", older)
            }
            if filesKept == 1 { unlink(path) }
            _ = open(path)
        }
        timer.resume()
    }

    private static func open(_ path: String) -> Bool {
        let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            StandardError.print("log.file: \(path) cannot be opened: \(ErrorText.of(errno))")
            return false
        }
        fflush(nil)
        dup2(descriptor, STDOUT_FILENO)
        dup2(descriptor, STDERR_FILENO)
        close(descriptor)
        return true
    }
}
