import Dispatch
import Foundation

/// Sends standard output and standard error to a file that is set aside when it has grown.
enum RotatedOutput {
    private static let checkSeconds = 1
    private static let queue = DispatchQueue(label: "weir.log-file")

    /// For the rest of the process. A file that cannot be opened is said on standard error, which then stays; a file that
    /// cannot be set aside is said in it, once for each time that it begins, and grows until it can.
    static func redirect(to path: String, bytesMax: Int, filesKept: Int) {
        let file = RotatedFile(path, filesKept: filesKept, descriptors: [STDOUT_FILENO, STDERR_FILENO])
        if let code = file.open() {
            StandardError.print("log.file: \(path) cannot be opened: \(ErrorText.of(code))")
            return
        }
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + .seconds(checkSeconds), repeating: .seconds(checkSeconds))
        var isStuck = false
        timer.setEventHandler {
            _ = timer  // lives as long as its handler: for ever
            var info = stat()
            guard fstat(STDERR_FILENO, &info) == 0, Int(info.st_size) > bytesMax else { return }
            let code = file.setAside()
            if let code, !isStuck { StandardError.print("log.file: \(path) cannot be set aside: \(ErrorText.of(code))") }
            isStuck = code != nil
        }
        timer.resume()
    }
}
