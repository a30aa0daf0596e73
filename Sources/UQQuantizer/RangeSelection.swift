import Foundation
import UQGraph
import UQNumerics
import UQSupport

/// A way to choose the range of an activation from its statistics.
public enum RangeMethod: String, Sendable, Hashable, Codable, CaseIterable {
  /// All that was seen.
  case minmax
  /// All but the outermost 0.001 % of the elements at each end.
  case percentile
  /// Least expected squared error of a quantizer of as many bits.
  case mse
  /// Least Kullback-Leibler divergence between the elements and their quantization.
  case entropy
  /// For each tensor the one of the above that changes the network's output least.
  case auto
}

/// A range of real values that contains 0.
public struct ActivationRange: Hashable, Sendable {
  /// Lower end, at most 0.
  public var low: Double
  /// Upper end, at least 0.
  public var high: Double

  /// Creates a range, widened to contain 0.
  public init(low: Double, high: Double) {
    self.low = min(low, 0)
    self.high = max(high, 0)
  }

  /// The range with both ends rounded outward to 9 significant bits.
  ///
  /// Float engines differ in last bits between processors; after rounding, two machines nearly always
  /// derive the same scales.
  public var rounded: ActivationRange {
    ActivationRange(low: -ActivationRange.outward(-low), high: ActivationRange.outward(high))
  }

  private static func outward(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return 0 }
    let unit = Double(sign: .plus, exponent: Int(value.exponent) - 8, significand: 1)
    // A value a few units of float precision above a multiple counts as that multiple.
    return ((value * (1 - 0x1p-21)) / unit).rounded(.up) * unit
  }

  /// The asymmetric per-tensor quantization that covers the range.
  ///
  /// `scale = (high − low) / (2^bits − 1)`, `zeroPoint = round(lowest − low / scale)`; an empty range gets
  /// scale 1. Scales stay at or above `2^−24`, so that no product of scales underflows.
  public func quantization(bits: Int, powerOfTwo: Bool) -> Quantization {
    let levels = Double((1 << bits) - 1)
    var scale = (high - low) / levels
    if scale == 0 || !scale.isFinite { scale = 1 }
    scale = max(scale, 0x1p-24)
    if powerOfTwo {
      let exponent = Int(scale.exponent) + (scale.significand > 1 ? 1 : 0)
      scale = Double(sign: .plus, exponent: exponent, significand: 1)
    }
    var result = Quantization(bits: bits, scales: [scale])
    let zero = (Double(result.lowest) - low / scale).rounded()
    result.zeroPoint = Int(min(max(zero, Double(result.lowest)), Double(result.highest)))
    return result
  }

  /// The symmetric per-tensor quantization that covers the range.
  public func symmetricQuantization(bits: Int, powerOfTwo: Bool) -> Quantization {
    let bound = max(-low, high)
    let full = ActivationRange(low: -bound, high: bound)
    var result = full.quantization(bits: bits, powerOfTwo: powerOfTwo)
    result.zeroPoint = 0
    return result
  }
}

extension TensorStatistics {
  /// The range that a method chooses; `auto` is decided elsewhere and counts as `minmax` here.
  ///
  /// - Parameter bits: of the integers; wider ones than 8 count as 8.
  /// - Complexity: O(bins), O(bins²/16) for entropy.
  public func range(by method: RangeMethod, bits: Int = 8) -> ActivationRange {
    let levels = 1 << min(bits, 8)
    let all = ActivationRange(low: Double(minimum), high: Double(maximum))
    guard counts.contains(where: { $0 > 0 }) else { return all }
    switch method {
    case .minmax, .auto: return all
    case .percentile: return percentileRange(keeping: 0.99999).clipped(to: all)
    case .mse: return meanSquareRange(in: all, levels)
    case .entropy: return entropyRange(in: all, levels)
    }
  }

  private func percentileRange(keeping share: Double) -> ActivationRange {
    let total = counts.reduce(0, +)
    let allowed = UInt64(Double(total) * (1 - share))
    var low = 0
    var tail: UInt64 = 0
    while low < counts.count - 1, tail + counts[low] <= allowed {
      tail += counts[low]
      low += 1
    }
    var high = counts.count - 1
    tail = 0
    while high > low, tail + counts[high] <= allowed {
      tail += counts[high]
      high -= 1
    }
    return ActivationRange(
      low: Double(firstBin + low) * binWidth, high: Double(firstBin + high + 1) * binWidth)
  }

  /// Alternates over the two ends, shrinking each in steps of 1 %.
  ///
  /// Inside the range the error is `scale²/12`, outside the squared distance, as in the usual MSE
  /// observers.
  private func meanSquareRange(in all: ActivationRange, _ levels: Int) -> ActivationRange {
    let moments = Moments(self, levels: levels)
    var best = all
    var bestError = moments.error(of: best)
    for _ in 0..<2 {
      for side in 0..<2 {
        let start = best
        for step in stride(from: 99, through: 10, by: -1) {
          let ratio = Double(step) / 100
          let candidate =
            side == 0
            ? ActivationRange(low: start.low, high: all.high * ratio)
            : ActivationRange(low: all.low * ratio, high: start.high)
          let error = moments.error(of: candidate)
          if error < bestError {
            best = candidate
            bestError = error
          }
        }
      }
    }
    return best
  }

  /// Minimises the divergence over thresholds on the magnitude, `count` levels over the clipped range.
  private func entropyRange(in all: ActivationRange, _ count: Int) -> ActivationRange {
    var folded: [Double] = []
    for (index, count) in counts.enumerated() where count > 0 {
      let bin = firstBin + index
      let magnitude = bin >= 0 ? bin : -bin - 1
      if magnitude >= folded.count {
        folded += [Double](repeating: 0, count: magnitude + 1 - folded.count)
      }
      folded[magnitude] += Double(count)
    }
    let levels = all.low < 0 && all.high > 0 ? count / 2 : count
    guard folded.count > levels else { return all }
    var best = folded.count
    var bestDivergence = Double.infinity
    let step = max(1, (folded.count - levels) / 128)
    for kept in stride(from: folded.count, through: levels, by: -step) {
      let divergence = quantizationDivergence(folded, keeping: kept, levels: levels)
      if divergence < bestDivergence {
        bestDivergence = divergence
        best = kept
      }
    }
    let bound = Double(best) * binWidth
    return ActivationRange(low: max(all.low, -bound), high: min(all.high, bound))
  }
}

extension ActivationRange {
  fileprivate func clipped(to other: ActivationRange) -> ActivationRange {
    ActivationRange(low: max(low, other.low), high: min(high, other.high))
  }
}

/// Prefix sums over a histogram that give the expected error of any range in O(log bins).
private struct Moments {
  private let statistics: TensorStatistics
  private let steps: Double
  private var count: [Double] = [0]
  private var sum: [Double] = [0]
  private var square: [Double] = [0]

  init(_ statistics: TensorStatistics, levels: Int) {
    self.statistics = statistics
    steps = Double(levels - 1)
    for (index, weight) in statistics.counts.enumerated() {
      let center = (Double(statistics.firstBin + index) + 0.5) * statistics.binWidth
      let w = Double(weight)
      count.append((count.last ?? 0) + w)
      sum.append((sum.last ?? 0) + w * center)
      square.append((square.last ?? 0) + w * center * center)
    }
  }

  func error(of range: ActivationRange) -> Double {
    let bins = statistics.counts.count
    let index = { (value: Double) -> Int in
      let bin = (value / statistics.binWidth).rounded() - Double(statistics.firstBin)
      return Int(min(max(bin, 0), Double(bins)))
    }
    let low = index(range.low)
    let high = max(low, index(range.high))
    let scale = (range.high - range.low) / steps
    let inside = (count[high] - count[low]) * scale * scale / 12
    let below = square[low] - 2 * range.low * sum[low] + range.low * range.low * count[low]
    let n = count[bins] - count[high]
    let above =
      square[bins] - square[high] - 2 * range.high * (sum[bins] - sum[high])
      + range.high * range.high * n
    return inside + max(below, 0) + max(above, 0)
  }
}

private func quantizationDivergence(_ histogram: [Double], keeping kept: Int, levels: Int)
  -> Double
{
  histogram.withUnsafeBufferPointer { bins in
    var outside = 0.0
    for i in kept..<bins.count { outside += bins[i] }
    var total = outside
    for i in 0..<kept { total += bins[i] }
    // Where hardly anything is left inside, the last bin alone would match itself perfectly.
    guard total > 0, outside <= 0.1 * total else { return .infinity }
    var divergence = 0.0
    for level in 0..<levels {
      let start = level * kept / levels
      let end = (level + 1) * kept / levels
      var mass = 0.0
      var occupied = 0.0
      for i in start..<end where bins[i] > 0 || (i == kept - 1 && outside > 0) {
        mass += bins[i]
        occupied += 1
      }
      guard occupied > 0 else { continue }
      // Q spreads the level's mass evenly over its occupied bins; it never saw the outliers.
      let q = max(mass / occupied, 1e-9) / max(total - outside, 1e-9)
      for i in start..<end {
        let p = (bins[i] + (i == kept - 1 ? outside : 0)) / total
        if p > 0 { divergence += p * log(p / q) }
      }
    }
    return divergence
  }
}
