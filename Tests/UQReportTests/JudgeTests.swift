import Foundation
import Testing
import UQReport
import UQSupport

@Suite struct JudgeTests {
  private func outcome(
    _ output: [Float], label: Int?, metric: Metric, frames: Int = 1, target: [Float]? = nil
  ) -> SampleOutcome {
    SampleOutcome(
      outputs: [output], frames: frames, reference: [output], label: label, target: target,
      metric: metric)
  }

  private func judged(_ outcomes: [SampleOutcome], _ labels: [Int]?, _ metric: Metric)
    -> VariantReport
  {
    var entry = VariantReport(name: "8", bits: 8)
    VariantJudge(metric: metric, labels: labels, classCount: 0, float: outcomes)
      .fill(&entry, from: outcomes)
    return entry
  }

  @Test(arguments: [(1, 0.25), (2, 0.5), (3, 1)]) func topK(_ k: Int, _ share: Double) {
    let rows: [([Float], Int)] = [
      ([3, 2, 1], 0), ([3, 2, 1], 1), ([3, 2, 1], 2), ([1, 1, 1], 2),
    ]
    let outcomes = rows.map { outcome($0.0, label: $0.1, metric: .top(k)) }
    #expect(judged(outcomes, rows.map(\.1), .top(k)).accuracy == share)
  }

  @Test func labelBeyondTheOutputsIsNeverRight() {
    let outcomes = [outcome([1, 2], label: 7, metric: .top(5))]
    #expect(judged(outcomes, [7], .top(5)).accuracy == 0)
  }

  /// A clip is positive where any frame is above the threshold.
  @Test func clipRule() {
    let rows: [([Float], Int)] = [
      ([0.1, 0.7, 0.2], 1), ([0.1, 0.5, 0.2], 0), ([0.9, 0.1], 0), ([0.2, 0.2], 1),
    ]
    let outcomes = rows.map { outcome($0.0, label: $0.1, metric: .clip(0.5), frames: 3) }
    let entry = judged(outcomes, rows.map(\.1), .clip(0.5))
    #expect(entry.accuracy == 0.5)
    #expect(entry.confusion == [[1, 1], [1, 1]])
  }

  /// A word is the class of the highest score over all frames.
  @Test func wordRule() {
    let outcomes = [outcome([0.1, 0.2, 0.3, 0.9, 0.1, 0.2], label: 0, metric: .word, frames: 2)]
    #expect(outcomes[0].best == 0)
    #expect(judged(outcomes, [0], .word).accuracy == 1)
  }

  // numpy: y = [1, 2, 4, 3], x = [1.5, 2, 3, 3]: mean |x - y| = 0.375; r2 = 1 - 1.25 / 5.
  @Test func regression() {
    let pairs: [(Float, Float)] = [(1.5, 1), (2, 2), (3, 4), (3, 3)]
    for (metric, value) in [(Metric.meanAbsoluteError, 0.375), (.determination, 0.75)] {
      let outcomes = pairs.map { outcome([$0.0], label: nil, metric: metric, target: [$0.1]) }
      let entry = judged(outcomes, nil, metric)
      #expect(((entry.accuracy ?? -1) - value).magnitude < 1e-12)
      #expect(entry.pValue == 1)
      if let interval = entry.confidence {
        #expect(interval.low <= value && value <= interval.high)
      }
    }
  }

  @Test func areaOfResampledScoresIsTheAreaWithEqualWeights() {
    var generator = SeededGenerator(seed: 3)
    let scores = (0..<200).map { _ in Double(generator.next() % 20) }
    let labels = scores.map { Double(generator.next() % 20) < $0 ? 1 : 0 }
    let outcomes = zip(scores, labels).map { outcome([Float($0)], label: $1, metric: .auc) }
    let entry = judged(outcomes, labels, .auc)
    let area = areaUnderCurve(scores: scores, positive: labels.map { $0 == 1 })
    #expect(((entry.accuracy ?? 0) - area).magnitude < 1e-12)
    let wide = ConfidenceInterval.area(
      area, positives: labels.count { $0 == 1 }, negatives: labels.count { $0 == 0 })
    // Bootstrap and Hanley-McNeil agree about the width to a fifth.
    let (a, b) = (
      (entry.confidence?.high ?? 0) - (entry.confidence?.low ?? 0), wide.high - wide.low
    )
    #expect((a / b - 1).magnitude < 0.2, "\(a) \(b)")
    #expect(judged(outcomes, labels, .auc).confidence == entry.confidence)
  }

  @Test func pairedBootstrapTellsShiftsFromNoise() {
    let bootstrap = Bootstrap(count: 100)
    var generator = SeededGenerator(seed: 1)
    let noise = (0..<100).map { _ in Double(generator.next() % 1000) / 1000 }
    func mean(_ values: [Double]) -> ([Int]) -> Double {
      { weights in zip(values, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / 100 }
    }
    let base = bootstrap.values(mean(noise))
    let shifted = bootstrap.values(mean(noise.map { $0 + 0.2 }))
    let mixed = bootstrap.values(mean(noise.enumerated().map { $1 + ($0 % 2 == 0 ? 0.1 : -0.1) }))
    #expect(Bootstrap.probability(base, shifted) < 0.01)
    #expect(Bootstrap.probability(base, mixed) > 0.2)
    #expect(Bootstrap.probability(base, base) == 1)
  }

  @Test(arguments: [
    ("top1", "top1"), ("top5", "top5"), ("auc", "auc"), ("mae", "mae"), ("r2", "r2"),
    ("clip (max over frames > 0.5)", "clip"), ("word (max over frames)", "word"),
    ("agreement", "agreement"),
  ])
  func metricNamesOfDatasets(_ text: String, _ name: String) {
    #expect(Metric(text)?.name == name)
  }

  @Test func clipThresholdIsRead() {
    #expect(Metric("clip (max over frames > 0.25)") == .clip(0.25))
    #expect(Metric("beauty") == nil)
    #expect(Metric("top0") == nil)
  }
}
