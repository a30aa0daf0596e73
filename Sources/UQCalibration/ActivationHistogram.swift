import COneDNN
import UQGraph
import UQNumerics

/// Integer statistics of one tensor that merge to the same result in any order.
///
/// The histogram starts with bins narrower than the final ones; whenever the range outgrows
/// ``binLimit`` bins their width doubles and neighbours are added. `floor(x / 2w)` is `floor(floor(x / w) / 2)`,
/// so the counts are those that the final width would have given from the beginning.
struct ActivationHistogram {
  /// Most bins that a finished histogram has.
  static let binLimit = 2048
  /// Elements of a tensor that one sample contributes to the histogram, about.
  static let subsample = 4096
  /// Elements of a tensor that one sample contributes to the channels' ranges, about.
  static let channelSubsample = 16384
  private static let finestExponent = -60
  /// Width of the counting window, with room for the range to grow before counts move.
  private static let window = 4 * binLimit

  private(set) var minimum = Float.infinity
  private(set) var maximum = -Float.infinity
  private(set) var nonFinite: UInt64 = 0
  private var exponent: Int?
  private var counts: [UInt64] = []
  private(set) var channelMinimum: [Float] = []
  private(set) var channelMaximum: [Float] = []

  /// Adds the elements of one sample; `channels` is the extent of the last axis.
  ///
  /// The range covers all elements; the histogram a fixed sub-sample whose step shares no factor with the
  /// number of channels, so that every channel is seen.
  mutating func add(_ elements: UnsafeMutableBufferPointer<Float>, channels: Int) {
    guard let base = elements.baseAddress, !elements.isEmpty else { return }
    var low: Float = 0
    var high: Float = 0
    var bad: UInt64 = 0
    uq_range_f32(base, elements.count, &low, &high, &bad)
    nonFinite += bad
    guard low <= high else { return }
    minimum = min(minimum, low)
    maximum = max(maximum, high)
    let needed = ActivationHistogram.exponent(covering: minimum, maximum)
    coarsen(to: max(exponent ?? needed, needed))
    count(base, elements.count, channels)
    if channels > 0, elements.count % channels == 0 {
      addChannels(base, rows: elements.count / channels, channels)
    }
  }

  /// Counts elements that are NaN or infinite, of a sample that is otherwise left out.
  mutating func leaveOut(_ count: UInt64) { nonFinite = ActivationHistogram.sum(nonFinite, count) }

  /// Adds another histogram of the same tensor.
  mutating func merge(_ other: ActivationHistogram) {
    minimum = min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    nonFinite = ActivationHistogram.sum(nonFinite, other.nonFinite)
    if let theirs = other.exponent {
      let needed = max(ActivationHistogram.exponent(covering: minimum, maximum), theirs)
      coarsen(to: max(exponent ?? needed, needed))
      var copy = other
      copy.coarsen(to: exponent ?? theirs)
      for i in counts.indices { counts[i] = ActivationHistogram.sum(counts[i], copy.counts[i]) }
    }
    if channelMinimum.isEmpty {
      channelMinimum = other.channelMinimum
      channelMaximum = other.channelMaximum
    } else if channelMinimum.count == other.channelMinimum.count {
      for i in channelMinimum.indices {
        channelMinimum[i] = min(channelMinimum[i], other.channelMinimum[i])
        channelMaximum[i] = max(channelMaximum[i], other.channelMaximum[i])
      }
    }
  }

  /// The statistics with the width that the range alone determines.
  func finished(name: String) -> TensorStatistics {
    guard minimum <= maximum else {
      return TensorStatistics(
        name: name, minimum: 0, maximum: 0, nonFinite: nonFinite, binExponent: 0, firstBin: 0,
        counts: [])
    }
    var copy = self
    let final = ActivationHistogram.exponent(covering: minimum, maximum)
    copy.coarsen(to: max(final, exponent ?? final))
    let width = Double(sign: .plus, exponent: final, significand: 1)
    let first = Int((Double(minimum) / width).rounded(.down))
    let last = Int((Double(maximum) / width).rounded(.down))
    let origin = ActivationHistogram.window / 2
    return TensorStatistics(
      name: name, minimum: minimum, maximum: maximum, nonFinite: nonFinite, binExponent: final,
      firstBin: first, counts: Array(copy.counts[(origin + first)...(origin + last)]),
      channelMinimum: channelMinimum, channelMaximum: channelMaximum)
  }

  /// A histogram that continues from finished statistics.
  init(_ statistics: TensorStatistics) {
    nonFinite = statistics.nonFinite
    channelMinimum = statistics.channelMinimum
    channelMaximum = statistics.channelMaximum
    guard !statistics.counts.isEmpty else { return }
    minimum = statistics.minimum
    maximum = statistics.maximum
    exponent = statistics.binExponent
    counts = [UInt64](repeating: 0, count: ActivationHistogram.window)
    let origin = ActivationHistogram.window / 2 + statistics.firstBin
    for (i, count) in statistics.counts.enumerated() { counts[origin + i] = count }
  }

  /// An empty histogram.
  init() {}

  /// The smallest exponent with which the bins from `low` to `high` fit, both in number and in the
  /// counting window around 0.
  static func exponent(covering low: Float, _ high: Float) -> Int {
    let magnitude = Double(max(low.magnitude, high.magnitude))
    guard magnitude > 0 else { return finestExponent }
    var exponent = max(finestExponent, Int(magnitude.exponent) - 11)
    while true {
      let width = Double(sign: .plus, exponent: exponent, significand: 1)
      let first = (Double(low) / width).rounded(.down)
      let last = (Double(high) / width).rounded(.down)
      if last - first < Double(binLimit), first >= -Double(window / 2), last < Double(window / 2) {
        return exponent
      }
      exponent += 1
    }
  }

  /// The sum, at most what a file may hold.
  private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
    min(a &+ b, CalibrationFile.countBound - 1)
  }

  private mutating func coarsen(to target: Int) {
    let origin = ActivationHistogram.window / 2
    guard let current = exponent else {
      exponent = target
      counts = [UInt64](repeating: 0, count: ActivationHistogram.window)
      return
    }
    guard target > current else { return }
    var coarse = [UInt64](repeating: 0, count: counts.count)
    let shift = min(target - current, 62)
    for (i, count) in counts.enumerated() where count > 0 {
      coarse[((i - origin) >> shift) + origin] += count
    }
    counts = coarse
    exponent = target
  }

  private mutating func count(_ base: UnsafeMutablePointer<Float>, _ n: Int, _ channels: Int) {
    guard let exponent else { return }
    var step = max(1, n / ActivationHistogram.subsample)
    while step > 1, ActivationHistogram.shareFactor(step, channels) { step += 1 }
    let inverse = Float(sign: .plus, exponent: -exponent, significand: 1)
    counts.withUnsafeMutableBufferPointer {
      uq_histogram_f32(
        base, n, step, inverse, Int32(-ActivationHistogram.window / 2), UInt32($0.count),
        $0.baseAddress)
    }
  }

  private static func shareFactor(_ a: Int, _ b: Int) -> Bool {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return x != 1
  }

  private mutating func addChannels(
    _ base: UnsafeMutablePointer<Float>, rows: Int, _ channels: Int
  ) {
    if channelMinimum.count != channels {
      channelMinimum = [Float](repeating: .infinity, count: channels)
      channelMaximum = [Float](repeating: -.infinity, count: channels)
    }
    let step = max(1, rows * channels / ActivationHistogram.channelSubsample)
    channelMinimum.withUnsafeMutableBufferPointer { low in
      channelMaximum.withUnsafeMutableBufferPointer { high in
        for row in stride(from: 0, to: rows, by: step) {
          let values = base + row * channels
          for c in 0..<channels {
            let x = values[c]
            low[c] = x < low[c] ? x : low[c]
            high[c] = x > high[c] ? x : high[c]
          }
        }
      }
    }
  }
}
