import Foundation

/// Tries inputs of one target, in this process, until they are all tried, the time is over, or one ends the process.
struct FuzzWorker {
    let target: FuzzTarget
    let corpus: [[UInt8]]
    let seed: UInt64
    /// Numbers of the inputs: examples and corpus come first, unchanged, then mutations.
    let first: Int
    let count: Int
    let seconds: Double
    /// An input that takes longer hangs.
    let secondsPerInput: UInt32
    let record: InputRecord

    /// Of memory, beside what the program itself needs.
    private static let bytesMax: UInt = 1 << 30
    /// As threads of Swift's pool have it on the smallest platform.
    private static let stackBytes = 512 << 10

    /// Ends the process: 0, or 1 after saying what is broken.
    func run() -> Never {
        var limit = rlimit(rlim_cur: rlim_t(Self.bytesMax), rlim_max: rlim_t(Self.bytesMax))
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_DATA.rawValue)
        #else
            let resource = RLIMIT_DATA
        #endif
        _ = setrlimit(resource, &limit)
        // A signal that was blocked where the parent was started would never say that an input hangs.
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        let thread = Thread { loop() }
        thread.stackSize = Self.stackBytes
        thread.start()
        while true { sleep(1000) }
    }

    private func loop() {
        let deadline = Date(timeIntervalSinceNow: seconds)
        let known = target.examples + corpus
        var refused = 0
        var number = first
        while number < first + count, number < known.count || Date() < deadline {
            var bytes: [UInt8]
            if number < known.count {
                bytes = known[number]
            } else {
                // A generator for each input, so that one can be made again without those before.
                var mutator = Mutator(
                    seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number), corpus: known, words: target.words)
                bytes = mutator.next()
                target.mend(&bytes)
            }
            record.set(bytes, number: number)
            alarm(secondsPerInput)
            do { try target.read(bytes) } catch let error as Broken {
                print("broken: \(error)")
                exit(1)
            } catch {
                // Words that cannot be made are no clear error.
                if "\(error)".isEmpty { exit(1) }
                refused += 1
            }
            number += 1
        }
        alarm(0)
        print("\(number - first) \(refused)")
        exit(0)
    }
}
