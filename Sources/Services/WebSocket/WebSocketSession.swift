import NIOCore
import NIOWebSocket

/// The server's side of a WebSocket by RFC 6455, as a pure state machine: frames and the time go in, what to do
/// comes out.
///
/// ```
///          close() or a fault: our close frame goes out
///   OPEN ────────────────────────────────────────────► CLOSING ──┐ theirs comes, or the time is over
///     │  theirs comes: it is echoed                              │
///     └──────────────────────────────────────────► CLOSED ◄──────┘
/// ```
package struct WebSocketSession {
    /// Bounds.
    package struct Limits: Hashable, Sendable {
        /// Of a message, whatever the number of its fragments.
        package var messageBytesMax = 4_096
        package var fragmentsMax = 64
        /// Frames a second over time, and at once; pings and fragments count too.
        package var framesPerSecondMax: Int64 = 20
        package var framesBurstMax: Int64 = 60
        /// After so much silence a ping is sent, and an answer awaited for so long.
        package var pingAfterMillis: Int64 = 30_000
        package var pongMillisMax: Int64 = 20_000
        /// How long the client may take to answer our close frame.
        package var closeMillisMax: Int64 = 3_000

        package init() {}
    }

    /// What the connection is to do.
    package enum Action: Hashable {
        /// A whole text message, valid UTF-8.
        case deliver(ByteBuffer)
        /// Bytes of a frame.
        case send(ByteBuffer)
        /// Everything sent has to go out, then the connection ends.
        case end
    }

    private struct Partial {
        var bytes: ByteBuffer
        var fragments: Int
    }

    private enum State {
        case open
        case closing(untilMillis: Int64)
        case closed
    }

    private let limits: Limits
    private var state = State.open
    private var partial: Partial?
    private var heardAtMillis: Int64
    private var pingedAtMillis: Int64?
    private var allowance: TokenAllowance

    package init(_ limits: Limits, nowMillis: Int64) {
        self.limits = limits
        heardAtMillis = nowMillis
        allowance = TokenAllowance(
            perSecond: limits.framesPerSecondMax, burst: limits.framesBurstMax, nowMillis: nowMillis)
    }

    /// Whether messages may be sent.
    package var isOpen: Bool { if case .open = state { true } else { false } }

    /// A frame has arrived; `data` is unmasked.
    package mutating func received(_ frame: WebSocketFrame, nowMillis: Int64) -> [Action] {
        heardAtMillis = nowMillis
        pingedAtMillis = nil
        switch state {
        case .closed: return []
        case .closing: return frame.opcode == .connectionClose ? end() : []
        case .open: break
        }
        guard allowance.take(nowMillis: nowMillis) else { return close(.tooManyMessages, nowMillis: nowMillis) }
        guard frame.maskKey != nil else { return close(.protocolError("frames must be masked"), nowMillis: nowMillis) }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return close(.protocolError("no extension was agreed on"), nowMillis: nowMillis)
        }
        switch frame.opcode {
        case .text: return begin(frame, nowMillis)
        case .continuation: return go(on: frame, nowMillis)
        case .ping: return [.send(ServerFrame.pong(frame.unmaskedData))]
        case .pong: return []
        case .connectionClose: return closeReceived(frame.unmaskedData, nowMillis)
        case .binary: return close(.binary, nowMillis: nowMillis)
        default: return close(.protocolError("unknown opcode"), nowMillis: nowMillis)
        }
    }

    /// What arrived is no frame.
    package mutating func failed(_ error: NIOWebSocketError, nowMillis: Int64) -> [Action] {
        switch error {
        case .invalidFrameLength: close(.tooLarge(max: limits.messageBytesMax), nowMillis: nowMillis)
        case .fragmentedControlFrame, .multiByteControlFrameLength:
            close(.protocolError("control frames are whole and at most 125 bytes"), nowMillis: nowMillis)
        }
    }

    /// Ends the session with a close frame of ours; its answer is awaited.
    package mutating func close(_ reason: CloseReason, nowMillis: Int64) -> [Action] {
        guard isOpen else { return [] }
        state = .closing(untilMillis: nowMillis + limits.closeMillisMax)
        partial = nil
        return [.send(ServerFrame.close(reason))]
    }

    /// The client has closed its half of the connection.
    package mutating func inputEnded() -> [Action] { end() }

    /// To be called every second or so.
    package mutating func passTime(nowMillis: Int64) -> [Action] {
        switch state {
        case .closed: return []
        case .closing(let untilMillis): return nowMillis >= untilMillis ? end() : []
        case .open:
            if let pingedAtMillis {
                return nowMillis - pingedAtMillis >= limits.pongMillisMax ? close(.noPong, nowMillis: nowMillis) : []
            }
            guard nowMillis - heardAtMillis >= limits.pingAfterMillis else { return [] }
            pingedAtMillis = nowMillis
            return [.send(ServerFrame.ping())]
        }
    }

    // MARK: Messages

    private mutating func begin(_ frame: WebSocketFrame, _ nowMillis: Int64) -> [Action] {
        guard partial == nil else {
            return close(.protocolError("a message began within another"), nowMillis: nowMillis)
        }
        return take(Partial(bytes: frame.unmaskedData, fragments: 1), isWhole: frame.fin, nowMillis)
    }

    private mutating func go(on frame: WebSocketFrame, _ nowMillis: Int64) -> [Action] {
        guard var sofar = partial else {
            return close(.protocolError("nothing was begun that could go on"), nowMillis: nowMillis)
        }
        sofar.bytes.writeImmutableBuffer(frame.unmaskedData)
        sofar.fragments += 1
        return take(sofar, isWhole: frame.fin, nowMillis)
    }

    private mutating func take(_ sofar: Partial, isWhole: Bool, _ nowMillis: Int64) -> [Action] {
        guard sofar.bytes.readableBytes <= limits.messageBytesMax else {
            return close(.tooLarge(max: limits.messageBytesMax), nowMillis: nowMillis)
        }
        guard sofar.fragments <= limits.fragmentsMax else { return close(.tooManyFragments, nowMillis: nowMillis) }
        partial = isWhole ? nil : sofar
        guard isWhole else { return [] }
        guard String(validating: sofar.bytes.readableBytesView, as: UTF8.self) != nil else {
            return close(.notUTF8, nowMillis: nowMillis)
        }
        return [.deliver(sofar.bytes)]
    }

    // MARK: The end

    private mutating func closeReceived(_ payload: ByteBuffer, _ nowMillis: Int64) -> [Action] {
        var payload = payload
        if payload.readableBytes == 0 { return [.send(ServerFrame.close(.echo(nil)))] + end() }
        guard let code = payload.readInteger(as: UInt16.self), Self.mayBeSent(code) else {
            return close(.protocolError("no valid close code"), nowMillis: nowMillis)
        }
        guard String(validating: payload.readableBytesView, as: UTF8.self) != nil else {
            return close(.notUTF8, nowMillis: nowMillis)
        }
        return [.send(ServerFrame.close(.echo(code)))] + end()
    }

    /// RFC 6455 §7.4: 1004 to 1006 and 1015 are never on the wire, 1016 to 2999 not given out.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private mutating func end() -> [Action] {
        if case .closed = state { return [] }
        state = .closed
        partial = nil
        return [.end]
    }
}

/// So many a second over time, so many at once. Pure.
package struct TokenAllowance {
    private let perSecond: Int64
    private let burstMillis: Int64
    /// The bucket as a point in time: when it is full again if nothing is taken.
    private var fullAtMillis: Int64

    package init(perSecond: Int64, burst: Int64, nowMillis: Int64) {
        self.perSecond = perSecond
        burstMillis = burst * 1_000 / perSecond
        fullAtMillis = nowMillis
    }

    /// Takes one; false when there is none.
    package mutating func take(nowMillis: Int64) -> Bool {
        let next = max(fullAtMillis, nowMillis) + 1_000 / perSecond
        guard next - nowMillis <= burstMillis else { return false }
        fullAtMillis = next
        return true
    }
}
