import Foundation
import Testing
import UQReport
import UQSupport

@Suite struct BaselineTests {
  private let scratch: Scratch
  private let path: String

  init() throws {
    scratch = try Scratch()
    path = try scratch.write(Data(sampleReport().json.pretty.utf8), "old.json")
  }

  private func compare(_ report: ComparisonReport, tolerance: Double = 1) throws
    -> BaselineComparison
  {
    try BaselineComparison(report, path: path, tolerance: tolerance, sizeTolerance: 5)
  }

  @Test func sameReportChangesNothing() throws {
    let result = try compare(sampleReport())
    #expect(result.changes.isEmpty && result.regressions.isEmpty)
    #expect(result.text == "nothing changed")
  }

  @Test(arguments: [(0.5, 1), (0.9, 0), (1.0, 0)])
  func losesBeyondTheTolerance(_ tolerance: Double, _ count: Int) throws {
    var report = sampleReport()
    // Of 450: 0.89 points.
    report.variants[1].accuracy = Double(404) / 450
    let result = try compare(report, tolerance: tolerance)
    #expect(result.regressions.count == count)
    #expect(result.changes.map(\.figure) == ["accuracy"])
    #expect(result.text == "8: accuracy .907 → .898 (−0.9 points)")
  }

  @Test func gainsAreNoRegression() throws {
    var report = sampleReport()
    report.variants[1].accuracy = 0.99
    #expect(try compare(report).regressions.isEmpty)
  }

  @Test func growthIsReported() throws {
    var report = sampleReport()
    report.variants[1].ramBytes = 5000
    let result = try compare(report)
    #expect(result.regressions.map(\.id) == ["compare.baseline.size"])
  }

  @Test func variantsComeAndGo() throws {
    var report = sampleReport()
    report.variants[1].name = "mixed"
    report.variants[2].accuracy = nil
    report.variants[2].problem = "broken"
    let result = try compare(report)
    #expect(result.remarks == ["mixed: new", "8: no longer compared"])
    #expect(result.regressions.map(\.id) == ["compare.baseline.failed"])
  }

  @Test func otherMetricsDoNotCompare() throws {
    var report = sampleReport()
    report.metric = .auc
    #expect(throws: Diagnostic.self) { try compare(report) }
  }

  @Test(arguments: ["", "[]", "{}", "{\"variants\": 1}"]) func damagedBaselines(_ text: String)
    throws
  {
    let path = try scratch.write(Data(text.utf8), "bad.json")
    #expect(throws: Diagnostic.self) {
      try BaselineComparison(sampleReport(), path: path, tolerance: 1, sizeTolerance: 1)
    }
  }
}
