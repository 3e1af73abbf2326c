/// What a process held at a moment.
public struct ResourceReading: Sendable, Hashable, Codable {
    public let atMillis: Int
    /// Which start of the process this is, from 0.
    public let life: Int
    /// Since that start.
    public let ageMillis: Int
    public let residentBytes: Int
    public let openFiles: Int

    public init(atMillis: Int, life: Int, ageMillis: Int, residentBytes: Int, openFiles: Int) {
        self.atMillis = atMillis
        self.life = life
        self.ageMillis = ageMillis
        self.residentBytes = residentBytes
        self.openFiles = openFiles
    }
}

/// Readings at a steady pace; when there are too many, every second one goes and the pace halves.
public struct ResourceSeries: Sendable {
    public private(set) var readings: [ResourceReading] = []
    /// The pace: readings that come sooner are dropped.
    public private(set) var everyMillis = 1_000
    static let readingsMax = 4_000

    public init() {}

    public func isDue(atMillis: Int) -> Bool { atMillis - (readings.last?.atMillis ?? -everyMillis) >= everyMillis }

    public mutating func add(_ reading: ResourceReading) {
        guard isDue(atMillis: reading.atMillis) else { return }
        readings.append(reading)
        guard readings.count > Self.readingsMax else { return }
        readings = readings.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        everyMillis *= 2
    }
}

/// Whether memory and open files grow while a process runs.
///
/// A process that is killed begins anew, so what is estimated is the growth *within* lives, in common for all of them: one
/// least-squares slope over all readings, each taken relative to the means of its life. The first minutes of a life do not
/// count (`warmUpMillis`): caches fill. (Growth that every restart ends is seen all the same.)
public struct ResourceTrend: Sendable, Hashable, Codable {
    public let residentBytesPerHour: Double
    public let openFilesPerHour: Double
    public let residentBytesMean: Double
    public let openFilesMean: Double
    /// The time that was looked at, beyond the first minutes of all lives.
    public let measuredMillis: Int
    public let isFlat: Bool

    /// At a hundred orders a second the memory of `weir up` grows fast for seven minutes (docs/proof.md).
    public static let warmUpMillis = 480_000
    /// Less says nothing.
    public static let measuredMillisMin = 120_000
    /// What still counts as flat, per hour: the larger of 32 MiB and a tenth of the mean; 4 files.
    public static let residentGrowthMax = 32.0 * 1_048_576
    public static let residentGrowthShareMax = 0.10
    public static let openFilesGrowthMax = 4.0

    /// Nil when there is too little to judge.
    public init?(_ readings: [ResourceReading]) {
        let lives = Dictionary(grouping: readings.filter { $0.ageMillis >= Self.warmUpMillis }, by: \.life).values
            .filter { $0.count > 1 }
        let measured = lives.reduce(0) { $0 + ($1[$1.count - 1].atMillis - $1[0].atMillis) }
        guard measured >= Self.measuredMillisMin else { return nil }
        var resident = WithinSlope(), files = WithinSlope()
        for life in lives {
            let hours = life.map { Double($0.atMillis) / 3_600_000 }
            resident.add(hours, life.map { Double($0.residentBytes) })
            files.add(hours, life.map { Double($0.openFiles) })
        }
        measuredMillis = measured
        (residentBytesPerHour, residentBytesMean) = (resident.slope, resident.mean)
        (openFilesPerHour, openFilesMean) = (files.slope, files.mean)
        let residentMax = max(Self.residentGrowthMax, residentBytesMean * Self.residentGrowthShareMax)
        isFlat = residentBytesPerHour <= residentMax && openFilesPerHour <= Self.openFilesGrowthMax
    }
}

/// The common slope of several groups with levels of their own.
private struct WithinSlope {
    private var products = 0.0
    private var squares = 0.0
    private var sum = 0.0
    private var count = 0.0

    mutating func add(_ x: [Double], _ y: [Double]) {
        let n = Double(x.count)
        let (meanX, meanY) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
        for (x, y) in zip(x, y) {
            products += (x - meanX) * (y - meanY)
            squares += (x - meanX) * (x - meanX)
        }
        sum += meanY * n
        count += n
    }

    var slope: Double { squares > 0 ? products / squares : 0 }
    var mean: Double { count > 0 ? sum / count : 0 }
}
