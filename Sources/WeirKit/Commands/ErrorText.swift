import Foundation

/// Errors for people.
package enum ErrorText {
    /// What the error says of itself; of Foundation's, which say little, what the system said.
    package static func of(_ error: any Error) -> String {
        let outer = error as NSError
        let inner = (outer.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError } ?? outer
        guard inner.domain == NSPOSIXErrorDomain else {
            return outer.domain == NSCocoaErrorDomain ? error.localizedDescription : "\(error)"
        }
        return of(CInt(truncatingIfNeeded: inner.code))
    }

    /// Of the system's error of this number.
    package static func of(_ code: CInt) -> String { String(cString: strerror(code)) }
}
