import Foundation

/// An interval that covers the true value with 95 % confidence.
public struct ConfidenceInterval: Hashable, Sendable, Codable {
  /// Lower end.
  public var low: Double
  /// Upper end.
  public var high: Double

  /// Creates an interval.
  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }

  /// Wilson's score interval for `successes` of `trials` (Wilson 1927), `z = 1.96`.
  ///
  /// `(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)`; the whole of 0...1 for no trials.
  public static func wilson(successes: Int, of trials: Int) -> ConfidenceInterval {
    guard trials > 0 else { return ConfidenceInterval(low: 0, high: 1) }
    let n = Double(trials)
    let p = Double(successes) / n
    let z = 1.959963984540054
    let center = p + z * z / (2 * n)
    let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    // Where p is 0 or 1 it is an end, which rounding may miss.
    return ConfidenceInterval(
      low: min(p, max(0, (center - spread) / scale)),
      high: max(p, min(1, (center + spread) / scale)))
  }

  /// The Hanley-McNeil interval for an area under the ROC curve over `positives` and `negatives`
  /// samples (Hanley, McNeil 1982).
  public static func area(_ area: Double, positives: Int, negatives: Int) -> ConfidenceInterval {
    guard positives > 0, negatives > 0 else { return ConfidenceInterval(low: 0, high: 1) }
    let q1 = area / (2 - area)
    let q2 = 2 * area * area / (1 + area)
    let (p, n) = (Double(positives), Double(negatives))
    let variance =
      (area * (1 - area) + (p - 1) * (q1 - area * area) + (n - 1) * (q2 - area * area)) / (p * n)
    let spread = 1.959963984540054 * max(0, variance).squareRoot()
    return ConfidenceInterval(low: max(0, area - spread), high: min(1, area + spread))
  }
}

/// McNemar's exact test of two classifiers on the same samples.
///
/// - Parameters:
///   - onlyFirst: samples that only the first classifies correctly.
///   - onlySecond: samples that only the second classifies correctly.
/// - Returns: the two-sided probability of a difference at least this large between equals.
/// - Complexity: O(onlyFirst + onlySecond).
public func mcNemar(onlyFirst: Int, onlySecond: Int) -> Double {
  let n = onlyFirst + onlySecond
  guard n > 0 else { return 1 }
  let k = min(onlyFirst, onlySecond)
  var logTerm = -Double(n) * log(2.0)
  var tail = exp(logTerm)
  for i in 0..<k {
    logTerm += log(Double(n - i)) - log(Double(i + 1))
    tail += exp(logTerm)
  }
  return min(1, 2 * tail)
}

/// Area under the ROC curve of scores, ties counting one half (Mann-Whitney); NaN ranks lowest.
///
/// - Complexity: O(n log n).
public func areaUnderCurve(scores: [Double], positive: [Bool]) -> Double {
  let scores = scores.map { $0.isNaN ? -.infinity : $0 }
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  let positives = positive.count { $0 }
  let negatives = positive.count - positives
  guard positives > 0, negatives > 0 else { return 0.5 }
  var rankSum = 0.0
  var start = 0
  while start < order.count {
    var end = start
    while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
    let rank = Double(start + end + 1) / 2
    for i in start..<end where positive[order[i]] { rankSum += rank }
    start = end
  }
  let p = Double(positives)
  return (rankSum - p * (p + 1) / 2) / (p * Double(negatives))
}
