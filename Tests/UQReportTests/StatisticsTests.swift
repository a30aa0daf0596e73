import Testing
import UQReport
import UQSupport

private let wilsonCases: [(Int, Int, Double, Double)] = [
  (0, 10, 0.0, 0.27753279986288926),
  (10, 10, 0.7224672001371109, 1.0),
  (1, 3, 0.06149194472039626, 0.7923403991979523),
  (411, 450, 0.883715062908305, 0.9359544334983059),
  (448, 516, 0.8362915597991821, 0.8947005408733254),
  (422, 500, 0.8095852451662972, 0.873169208596155),
  (1, 100000, 1.765247730378316e-06, 5.664709659040965e-05),
]
private let mcNemarCases: [(Int, Int, Double)] = [
  (0, 1, 1.0),
  (5, 5, 1.0),
  (3, 9, 0.14599609375),
  (10, 2, 0.03857421875),
  (0, 20, 1.9073486328125e-06),
  (40, 61, 0.046044066929342785),
  (300, 420, 8.807756168615114e-06),
  (0, 0, 1.0),
]
private let areaCases: [(Double, Int, Int, Double, Double)] = [
  (0.9, 50, 70, 0.8386211729117135, 0.9613788270882866),
  (0.5, 10, 10, 0.24072113591318867, 0.7592788640868113),
  (1.0, 20, 30, 1.0, 1.0),
  (0.73, 400, 350, 0.6944948222347196, 0.7655051777652804),
]

@Suite struct StatisticsTests {
  // scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
  @Test(arguments: wilsonCases)
  func wilsonEqualsScipy(_ k: Int, _ n: Int, _ low: Double, _ high: Double) {
    let interval = ConfidenceInterval.wilson(successes: k, of: n)
    #expect((interval.low - low).magnitude < 1e-12)
    #expect((interval.high - high).magnitude < 1e-12)
  }

  @Test func wilsonContainsTheShare() {
    for n in 1...600 {
      for k in [0, 1, n / 2, n - 1, n] {
        let interval = ConfidenceInterval.wilson(successes: k, of: n)
        let share = Double(k) / Double(n)
        #expect(interval.low <= share && share <= interval.high, "\(k) of \(n)")
      }
    }
  }

  @Test func wilsonOfNothingIsEverything() {
    #expect(ConfidenceInterval.wilson(successes: 0, of: 0) == ConfidenceInterval(low: 0, high: 1))
  }

  // scipy.stats.binomtest(min(b, c), b + c).pvalue
  @Test(arguments: mcNemarCases)
  func mcNemarEqualsScipy(_ b: Int, _ c: Int, _ p: Double) {
    #expect((mcNemar(onlyFirst: b, onlySecond: c) - p).magnitude <= 1e-10 * p)
    #expect(mcNemar(onlyFirst: c, onlySecond: b) == mcNemar(onlyFirst: b, onlySecond: c))
  }

  // scipy.stats.mannwhitneyu(positive, negative).statistic / (n * m)
  @Test func areaEqualsScipy() {
    let scores = [
      -0.8, -1.3, 0.5, 1.1, 1.1, 0.1, -0.6, -0.1, 1.4, 1.6, 1.0, -1.2, -0.3, 1.6, 0.9, -1.7, -0.1,
      -0.5, -0.6, -0.5, -0.7, 0.6, 0.6, -0.6, 1.1, 0.8, -1.6, 0.4, -1.0, 0.5, -0.6, 0.0, 0.7, -0.3,
      -1.0, -0.4, -1.1, -1.4, 0.2, -0.4,
    ]
    let positive = [
      false, false, true, true, false, false, false, true, true, false, true, false, true, false,
      true, false, false, true, false, false, false, false, true, false, true, false, false, true,
      false, true, true, false, true, false, false, false, false, false, false, true,
    ]
    #expect((areaUnderCurve(scores: scores, positive: positive) - 0.76).magnitude < 1e-12)
    #expect(areaUnderCurve(scores: [0, 1], positive: [false, true]) == 1)
    #expect(areaUnderCurve(scores: [1, 1], positive: [false, true]) == 0.5)
    #expect(areaUnderCurve(scores: [1, 2], positive: [true, true]) == 0.5)
  }

  @Test func areaOfNotANumberEnds() {
    let area = areaUnderCurve(scores: [.nan, .nan, 1, 2], positive: [true, false, false, true])
    #expect((0...1).contains(area))
  }

  // Hanley, McNeil (1982) as numpy computes it.
  @Test(arguments: areaCases)
  func hanleyMcNeilEqualsNumpy(_ area: Double, _ n: Int, _ m: Int, _ low: Double, _ high: Double) {
    let interval = ConfidenceInterval.area(area, positives: n, negatives: m)
    #expect((interval.low - low).magnitude < 1e-12)
    #expect((interval.high - high).magnitude < 1e-12)
  }
}
