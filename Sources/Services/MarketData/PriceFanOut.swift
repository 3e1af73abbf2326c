import NIOCore
import Synchronization
import Trading

/// From one stream of price changes to every connection: a shard per event loop, so that no connection is touched
/// from two threads and none shares a lock with another.
///
/// What passes from thread to loop is a set of symbols, not the prices: a loop that falls behind finds the latest
/// ones on the board. Nothing here grows with the rate of changes. Callable from any thread.
final class PriceFanOut: Sendable {
    let board: PriceBoard
    let limits: MarketDataLimits
    let metrics: MarketDataMetrics
    private let shards = Mutex<[ObjectIdentifier: PriceShard]>([:])
    private let open = Atomic(0)

    init(_ board: PriceBoard, limits: MarketDataLimits, metrics: MarketDataMetrics) {
        self.board = board
        self.limits = limits
        self.metrics = metrics
    }

    /// Open connections.
    var connections: Int { open.load(ordering: .relaxed) }
    var isFull: Bool { connections >= limits.connectionsMax }

    /// Takes what is newer to the board and tells every shard.
    func publish(_ ticks: some Sequence<PriceTick>) {
        let changed = board.merge(ticks)
        if changed.isEmpty { return }
        for shard in shards.withLock({ Array($0.values) }) { shard.changed(changed) }
    }

    /// The shard of `loop`, made on first use.
    func shard(on loop: any EventLoop) -> PriceShard {
        shards.withLock { shards in
            if let known = shards[ObjectIdentifier(loop)] { return known }
            let made = PriceShard(self, loop)
            shards[ObjectIdentifier(loop)] = made
            return made
        }
    }

    func connectionOpened() { metrics.connections.record(open.add(1, ordering: .relaxed).newValue) }
    func connectionClosed() { metrics.connections.record(open.subtract(1, ordering: .relaxed).newValue) }
}

/// The connections of one event loop. `changed` may be called from any thread, all else on the loop.
///
/// `@unchecked`: `inbox` is locked; everything else is confined to `loop`, as every method checks.
final class PriceShard: @unchecked Sendable {
    private struct Inbox {
        var changed: SymbolSet
        var isTurnDue = false
    }

    let board: PriceBoard
    let limits: MarketDataLimits
    let metrics: MarketDataMetrics
    private let fanOut: PriceFanOut
    private let loop: any EventLoop
    private let inbox: Mutex<Inbox>

    private var connections: [PriceConnection] = []
    /// By symbol: the frame of the price that was told last, and its number. Who subscribes is told this one: a newer price on
    /// the board is about to be told to everybody by a turn.
    private var frames: [ByteBuffer?]
    private var toldSeq: [Int64?]
    /// The last set of frames asked for: most clients want the same.
    private var assembled: (symbols: SymbolSet, frames: PriceFrames)?
    private var nextTurn = NIODeadline.now()
    private var sweep: RepeatedTask?

    init(_ fanOut: PriceFanOut, _ loop: any EventLoop) {
        self.fanOut = fanOut
        self.loop = loop
        (board, limits, metrics) = (fanOut.board, fanOut.limits, fanOut.metrics)
        inbox = Mutex(Inbox(changed: board.table.none))
        frames = Array(repeating: nil, count: board.table.count)
        toldSeq = Array(repeating: nil, count: board.table.count)
        // What is known by now counts as told: there is nobody yet. Later changes find this shard on the list, which is locked
        // meanwhile.
        _ = encodeNews(board.table.all)
    }

    /// Prices of `symbols` have changed on the board.
    func changed(_ symbols: SymbolSet) {
        let isFirst = inbox.withLock { inbox in
            inbox.changed.formUnion(symbols)
            defer { inbox.isTurnDue = true }
            return !inbox.isTurnDue
        }
        if isFirst { loop.execute { self.scheduleTurn() } }
    }

    func add(_ connection: PriceConnection) {
        loop.preconditionInEventLoop()
        connection.slot = connections.count
        connections.append(connection)
        fanOut.connectionOpened()
        if sweep == nil { startSweeping() }
    }

    func remove(_ connection: PriceConnection) {
        loop.preconditionInEventLoop()
        guard let slot = connection.slot else { return }
        connection.slot = nil
        let last = connections.removeLast()
        if last !== connection {
            connections[slot] = last
            last.slot = slot
        }
        fanOut.connectionClosed()
        if connections.isEmpty {
            sweep?.cancel()
            sweep = nil
        }
    }

    /// The prices of `symbols` told last, as frames; those without a price are left out.
    func frames(of symbols: SymbolSet) -> PriceFrames {
        loop.preconditionInEventLoop()
        if let assembled, assembled.symbols == symbols { return assembled.frames }
        var made = PriceFrames()
        symbols.forEach { number in
            guard let frame = frames[number] else { return }
            made.bytes.writeImmutableBuffer(frame)
            made.count += 1
        }
        assembled = (symbols, made)
        return made
    }

    /// Encodes prices of `symbols` that no turn has told yet; returns whose they are. A turn that came between a change of the
    /// board and the word of it has told the new price already.
    private func encodeNews(_ symbols: SymbolSet) -> SymbolSet {
        var news = board.table.none
        for (number, price) in board.prices(symbols) where toldSeq[number] != price.seq {
            toldSeq[number] = price.seq
            frames[number] = ServerMessage.price(board.table.symbols[number], price)
            news.insert(number)
        }
        return news
    }

    /// Turns keep a distance: what changes several times in between is sent once.
    private func scheduleTurn() {
        if NIODeadline.now() >= nextTurn { return turn() }
        loop.scheduleTask(deadline: nextTurn) { self.turn() }
    }

    private func turn() {
        nextTurn = .now() + .milliseconds(limits.paceMillis)
        let changed = inbox.withLock { inbox in
            defer { inbox = Inbox(changed: board.table.none) }
            return inbox.changed
        }
        let news = encodeNews(changed)
        if news.isEmpty { return }
        assembled = nil
        for connection in connections { connection.pricesChanged(news) }
    }

    /// One timer for all: a timer for each connection would cost more than the connection.
    private func startSweeping() {
        sweep = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            let nowMillis = LoopTime.nowMillis()
            // A copy: a connection that ends takes itself out.
            for connection in Array(self.connections) { connection.passTime(nowMillis) }
        }
    }
}

/// Whole frames in one buffer, and how many.
struct PriceFrames {
    var bytes = ByteBuffer()
    var count = 0
}

/// Monotonic milliseconds as NIO's event loops see them.
enum LoopTime {
    static func nowMillis() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
