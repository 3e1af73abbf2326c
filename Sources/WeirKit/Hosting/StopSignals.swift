import Foundation
import Synchronization

/// Listens for SIGINT and SIGTERM: the first asks for an orderly stop, any further one ends the process with
/// exit code 130. One per process; the handlers run on a queue of their own, never inside a signal handler.
///
/// `@unchecked`: dispatch sources are thread-safe objects that Dispatch does not mark as such; they are set
/// once, in `init`, and owned by this object.
public final class StopSignals: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]
    private static let queue = DispatchQueue(label: "weir.signals")

    /// Listens when it returns. `second` runs right before the process ends; it must be quick.
    public init(first: @escaping @Sendable (String) -> Void, second: @escaping @Sendable (String) -> Void) {
        let counter = SignalCounter()
        sources = [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM")].map { number, name in
            #if !os(Linux)
                signal(number, SIG_IGN)  // the dispatch source still sees it; on Linux it sets a handler of its own
            #endif
            let source = DispatchSource.makeSignalSource(signal: number, queue: Self.queue)
            let listens = DispatchSemaphore(value: 0)
            source.setRegistrationHandler { listens.signal() }
            source.setEventHandler {
                if counter.next() == 1 { return first(name) }
                second(name)
                exit(ExitStatus.interrupted.rawValue)
            }
            source.resume()
            // It is registered on another thread: a signal until then would be lost.
            listens.wait()
            return source
        }
    }

    /// Signals have their default effect again.
    public func cancel() {
        for source in sources { source.cancel() }
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
    }
}

private final class SignalCounter: Sendable {
    private let count = Atomic(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
