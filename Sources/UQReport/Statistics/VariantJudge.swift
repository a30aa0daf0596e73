import Foundation

/// Turns the outcomes of a variant into its metrics.
public struct VariantJudge: Sendable {
  /// Most classes of a confusion matrix.
  static let mostClasses = 64

  private let metric: Metric
  private let labels: [Int]?
  private let classCount: Int
  private let float: [SampleOutcome]
  private let bootstrap: Bootstrap

  /// Takes what all variants share.
  ///
  /// - Parameters:
  ///   - labels: class of each sample that was used; `nil` without labels.
  ///   - classCount: number of classes, 0 where it is not known.
  ///   - float: outcomes of the float model, one for each sample.
  public init(metric: Metric, labels: [Int]?, classCount: Int, float: [SampleOutcome]) {
    self.metric = metric
    self.labels = labels
    self.classCount = classCount
    self.float = float
    bootstrap = Bootstrap(count: float.count)
  }

  /// Fills an entry from its outcomes.
  public func fill(_ entry: inout VariantReport, from outcomes: [SampleOutcome]) {
    guard !outcomes.isEmpty, outcomes.count == float.count else { return }
    let total = outcomes.count
    let same = zip(outcomes, float).count { $0.best == $1.best }
    entry.agreement = Double(same) / Double(total)
    entry.changed = total - same
    if !entry.isFloat {
      let signal = outcomes.reduce(0) { $0 + $1.signal }
      let noise = outcomes.reduce(0) { $0 + $1.noise }
      entry.outputSQNR =
        signal > 0 && noise.isFinite
        ? (noise > 0 ? min(200, 10 * log10(signal / noise)) : 200) : nil
    }
    entry.confusion = confusion(outcomes)
    let isReference = entry.isFloat
    switch metric {
    case .top, .clip, .word: judgeShare(&entry, hits(outcomes), isReference)
    case .auc, .meanAbsoluteError, .determination: judgeResampled(&entry, outcomes, isReference)
    case .agreement:
      entry.accuracy = entry.agreement
      entry.confidence = .wilson(successes: same, of: total)
    case .command: break
    }
    entry.metrics = furtherMetrics(outcomes)
  }

  private func hits(_ outcomes: [SampleOutcome]) -> [Bool] {
    outcomes.enumerated().map { index, outcome in
      if case .top(let k) = metric { return (outcome.rank ?? .max) < k }
      return outcome.best == labels?[index]
    }
  }

  private func judgeShare(_ entry: inout VariantReport, _ hits: [Bool], _ isReference: Bool) {
    let correct = hits.count { $0 }
    entry.accuracy = Double(correct) / Double(hits.count)
    entry.confidence = .wilson(successes: correct, of: hits.count)
    guard !isReference else { return }
    let pairs = zip(self.hits(float), hits)
    entry.pValue = mcNemar(
      onlyFirst: pairs.count { $0 && !$1 }, onlySecond: pairs.count { !$0 && $1 })
  }

  private func judgeResampled(
    _ entry: inout VariantReport, _ outcomes: [SampleOutcome], _ isReference: Bool
  ) {
    let own = statistic(outcomes)
    entry.accuracy = own([Int](repeating: 1, count: outcomes.count))
    let values = bootstrap.values(own)
    entry.confidence = Bootstrap.interval(values)
    if !isReference {
      entry.pValue = Bootstrap.probability(bootstrap.values(statistic(float)), values)
    }
  }

  private func statistic(_ outcomes: [SampleOutcome]) -> ([Int]) -> Double {
    if metric == .auc {
      let ranked = RankedScores(
        scores: outcomes.map(\.score), positive: (labels ?? []).map { $0 == 1 })
      return ranked.area
    }
    let sums = outcomes.map(\.regression)
    let isMean = metric == .meanAbsoluteError
    return { weights in
      var (count, absolute, squared, target, targetSquared) = (0.0, 0.0, 0.0, 0.0, 0.0)
      for (sum, weight) in zip(sums, weights) where weight > 0 {
        guard let sum else { continue }
        let w = Double(weight)
        count += w * sum.count
        absolute += w * sum.absolute
        squared += w * sum.squared
        target += w * sum.target
        targetSquared += w * sum.targetSquared
      }
      guard count > 0 else { return 0 }
      if isMean { return absolute / count }
      let spread = targetSquared - target * target / count
      return spread > 0 ? 1 - squared / spread : 0
    }
  }

  /// Top-5 beside top-1, and top-1 beside the area, where classes allow it.
  private func furtherMetrics(_ outcomes: [SampleOutcome]) -> [MetricValue] {
    guard labels != nil else { return [] }
    var wanted: [Metric] = []
    if metric != .top1, !metric.isRegression, metric != .command { wanted.append(.top1) }
    if classCount > 10, metric != .top(5) { wanted.append(.top(5)) }
    return wanted.map { other in
      guard case .top(let k) = other else { return MetricValue(name: other.name, value: 0) }
      let correct = outcomes.count { ($0.rank ?? .max) < k }
      return MetricValue(
        name: other.name, value: Double(correct) / Double(outcomes.count),
        confidence: .wilson(successes: correct, of: outcomes.count))
    }
  }

  private func confusion(_ outcomes: [SampleOutcome]) -> [[Int]]? {
    guard let labels, !metric.isRegression, metric != .command else { return nil }
    let count = max(
      classCount, (labels.max() ?? 0) + 1, (outcomes.map(\.best).max() ?? 0) + 1)
    guard (2...Self.mostClasses).contains(count) else { return nil }
    var matrix = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
    for (label, outcome) in zip(labels, outcomes) where label >= 0 {
      matrix[label][outcome.best] += 1
    }
    return matrix
  }
}
