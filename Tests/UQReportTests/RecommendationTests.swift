import Testing
import UQReport
import UQSupport

private struct Case: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var metric = Metric.top1
  /// Name, size, value, probability.
  var variants: [(String, Int, Double, Double?)]
  var frontier: [String]
  var chosen: String?
}

private let cases: [Case] = [
  Case(
    testDescription: "the smallest that keeps the accuracy",
    variants: [("8", 80, 0.90, 0.9), ("4", 40, 0.895, 0.4), ("2", 20, 0.6, 0.0001)],
    frontier: ["2", "4", "8"], chosen: "4"),
  Case(
    testDescription: "a significant loss is not accepted, however small",
    variants: [("8", 80, 0.90, 1), ("4", 40, 0.895, 0.01)], frontier: ["4", "8"], chosen: "8"),
  Case(
    testDescription: "nor is a large loss that few samples cannot prove",
    variants: [("8", 80, 0.90, 1), ("4", 40, 0.85, 0.2)], frontier: ["4", "8"], chosen: "8"),
  Case(
    testDescription: "what another beats in both is not on the frontier",
    variants: [("8", 80, 0.89, 0.9), ("4", 40, 0.895, 0.9)], frontier: ["4"], chosen: "4"),
  Case(
    testDescription: "better than float",
    variants: [("8", 80, 0.95, 0.01)], frontier: ["8"], chosen: "8"),
  Case(
    testDescription: "none is close: the most accurate",
    variants: [("4", 40, 0.7, 0.001), ("2", 20, 0.5, 0.001)], frontier: ["2", "4"], chosen: "4"),
  Case(testDescription: "nothing was made", variants: [], frontier: [], chosen: nil),
  Case(
    testDescription: "less is better", metric: .meanAbsoluteError,
    variants: [("8", 80, 0.901, 0.9), ("4", 40, 1.5, 0.001)], frontier: ["4", "8"], chosen: "8"),
  Case(
    testDescription: "agreement without labels", metric: .agreement,
    variants: [("8", 80, 0.99, nil), ("4", 40, 0.96, nil), ("2", 20, 0.9, nil)],
    frontier: ["2", "4", "8"], chosen: "4"),
]

@Suite struct RecommendationTests {
  @Test(arguments: cases) fileprivate func chooses(_ item: Case) {
    var float = VariantReport(name: "float", bits: 32)
    float.accuracy = item.metric == .agreement ? 1 : 0.9
    let variants = item.variants.map { name, size, value, p in
      var variant = VariantReport(name: name, bits: Double(name) ?? 8)
      variant.accuracy = value
      variant.pValue = p
      variant.flash = FlashUse(weights: size, tables: 0)
      variant.weightBytes = size
      return variant
    }
    let report = ComparisonReport(
      model: "m", samples: 100, metric: item.metric, variants: [float] + variants)
    #expect(report.frontier == item.frontier)
    #expect(report.recommendation.variant == item.chosen)
    #expect(!report.recommendation.reason.isEmpty)
  }

  /// What does not fit is shown with what it lacks, and not recommended.
  @Test func limitsDecide() {
    var float = VariantReport(name: "float", bits: 32)
    float.accuracy = 0.9
    let variants = [("8", 80, 10), ("4", 40, 30), ("2", 20, 20)].map { name, flash, ram in
      var variant = VariantReport(name: name, bits: 8)
      variant.accuracy = name == "2" ? 0.5 : 0.9
      variant.pValue = name == "2" ? 0 : 1
      variant.flash = FlashUse(weights: flash, tables: 0)
      (variant.weightBytes, variant.ramBytes) = (flash, ram)
      return variant
    }
    var report = ComparisonReport(
      model: "m", samples: 100, metric: .top1, variants: [float] + variants)
    #expect(report.recommendation.variant == "4")
    report.limits.ram = 20
    #expect(report.recommendation.variant == "8" && report.fitting.map(\.name) == ["8", "2"])
    #expect(report.frontier == ["2", "4"])
    #expect(
      report.verdict(variants[1]) == "the same top-1 as float; does not fit: RAM 30 B of 20 B")
    report.limits.flash = 79
    #expect(report.recommendation.variant == "2")
    #expect(report.recommendation.reason.contains("the most accurate of those that fit"))
    report.limits.flash = 10
    #expect(report.recommendation.variant == nil)
    #expect(
      report.recommendation.reason == "No variant keeps within 10 B of flash and 20 B of RAM.")
    #expect(report.limits.excess(of: variants[1]) == ["flash 40 B of 10 B", "RAM 30 B of 20 B"])
    #expect(report.limits.excess(of: float) == [])
    var counted = variants[0]
    #expect(Limits(instructions: 999).excess(of: counted) == [])
    counted.instructions = 1000
    #expect(Limits(instructions: 999).excess(of: counted) == ["instructions 1,000 of 999"])
  }

  @Test(arguments: [
    (0.8, 0.25, "10.0 points below float, within the noise of 450 samples (p = .250)"),
    (0.8, 0.0001, "10.0 points below float, more than chance (p < .001)"),
    (0.91, 0.04, "1.0 points above float, more than chance (p = .040)"),
    (0.9, 1, "the same top-1 as float"),
  ])
  func saysItInWords(_ accuracy: Double, _ p: Double, _ words: String) {
    var float = VariantReport(name: "float", bits: 32)
    float.accuracy = 0.9
    var variant = VariantReport(name: "4", bits: 4)
    variant.accuracy = accuracy
    variant.pValue = p
    let report = ComparisonReport(
      model: "m", samples: 450, metric: .top1, variants: [float, variant])
    #expect(report.verdict(variant) == words)
  }
}
