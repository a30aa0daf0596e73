import UQSupport

/// Resamples of the same samples, drawn alike for every variant.
///
/// Percentile intervals and paired probabilities (Efron, Tibshirani 1993), from a fixed seed.
public struct Bootstrap: Sendable {
  /// Number of resamples.
  public let resamples: Int
  private let count: Int
  private let seed: UInt64

  /// Prepares resamples of `count` samples; fewer of them where there are very many samples.
  public init(count: Int, seed: UInt64 = 1) {
    self.count = count
    self.seed = seed
    resamples = max(200, min(2000, 40_000_000 / max(1, count)))
  }

  /// The statistic of every resample; `weights` says how often each sample was drawn.
  ///
  /// - Complexity: `resamples` times the statistic.
  public func values(_ statistic: (_ weights: [Int]) -> Double) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    var weights = [Int](repeating: 0, count: count)
    return (0..<resamples).map { _ in
      for index in weights.indices { weights[index] = 0 }
      for _ in 0..<count { weights[Int(generator.next() % UInt64(max(1, count)))] += 1 }
      return statistic(weights)
    }
  }

  /// The middle 95 % of values.
  public static func interval(_ values: [Double]) -> ConfidenceInterval {
    let sorted = values.sorted()
    guard let first = sorted.first else { return ConfidenceInterval(low: 0, high: 1) }
    func quantile(_ share: Double) -> Double {
      let position = share * Double(sorted.count - 1)
      let index = Int(position)
      guard index + 1 < sorted.count else { return sorted.last ?? first }
      return sorted[index] + (sorted[index + 1] - sorted[index]) * (position - Double(index))
    }
    return ConfidenceInterval(low: quantile(0.025), high: quantile(0.975))
  }

  /// The two-sided probability that a paired difference is 0: twice the smaller share of resamples on
  /// either side, each counted with one more.
  public static func probability(_ a: [Double], _ b: [Double]) -> Double {
    let differences = zip(a, b).map { $0 - $1 }
    guard !differences.isEmpty else { return 1 }
    let below = differences.count { $0 <= 0 } + 1
    let above = differences.count { $0 >= 0 } + 1
    return min(1, 2 * Double(min(below, above)) / Double(differences.count + 1))
  }
}

/// The order of scores, sorted once, for areas under resampled ROC curves.
struct RankedScores {
  private let order: [Int]
  private let scores: [Double]
  private let positive: [Bool]

  /// Sorts the scores; NaN ranks lowest.
  init(scores: [Double], positive: [Bool]) {
    let finite = scores.map { $0.isNaN ? -.infinity : $0 }
    self.scores = finite
    self.positive = positive
    order = finite.indices.sorted { (finite[$0], $0) < (finite[$1], $1) }
  }

  /// The area with each sample counted `weights` times, ties one half; 0.5 where a class is missing.
  func area(_ weights: [Int]) -> Double {
    var below = 0.0
    var wins = 0.0
    var (positives, negatives) = (0.0, 0.0)
    var start = 0
    while start < order.count {
      var end = start
      var (p, n) = (0.0, 0.0)
      while end < order.count, scores[order[end]] == scores[order[start]] {
        let weight = Double(weights[order[end]])
        if positive[order[end]] { p += weight } else { n += weight }
        end += 1
      }
      wins += p * (below + n / 2)
      below += n
      positives += p
      negatives += n
      start = end
    }
    return positives > 0 && negatives > 0 ? wins / (positives * negatives) : 0.5
  }
}
