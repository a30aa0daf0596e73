import Foundation
import UQSupport

/// What changed between an earlier report and this one.
public struct BaselineComparison: Sendable {
  /// A figure of a variant that both reports have.
  public struct Change: Sendable, Hashable {
    /// Name of the variant.
    public var variant: String
    /// `accuracy`, `flash_bytes`, `ram_bytes`...
    public var figure: String
    /// Value in the earlier report.
    public var before: Double
    /// Value now.
    public var after: Double
  }

  /// Figures that differ.
  public var changes: [Change] = []
  /// Variants that only one of the reports has, or that failed in one.
  public var remarks: [String] = []
  /// Losses beyond the tolerance.
  public var regressions: [Diagnostic] = []

  /// Figures that are compared.
  private static let figures = [
    "accuracy", "agreement", "weight_bytes", "flash_bytes", "ram_bytes", "stack_bytes", "macs",
    "instructions",
  ]

  /// Compares with the earlier report at `path`.
  ///
  /// - Parameters:
  ///   - tolerance: Points of the metric that may be lost; for metrics that are no shares, hundredths.
  ///   - sizeTolerance: Growth of flash and RAM that is accepted, in percent.
  /// - Throws: `compare.baseline.unreadable`, `compare.baseline.metric`.
  public init(_ report: ComparisonReport, path: String, tolerance: Double, sizeTolerance: Double)
    throws(Diagnostic)
  {
    let place = SourcePlace(file: path)
    guard let data = FileManager.default.contents(atPath: path), data.count < 1 << 28,
      let old = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any],
      let entries = old["variants"] as? [[String: Any]]
    else {
      throw Diagnostic(
        id: "compare.baseline.unreadable", "is no report of uq compare --json", at: place)
    }
    guard let metric = old["metric"] as? String, metric == report.metric.name else {
      throw Diagnostic(
        id: "compare.baseline.metric",
        "judges by \(old["metric"] as? String ?? "nothing"), this comparison by \(report.metric.name)",
        at: place)
    }
    if let count = old["samples"] as? Int, count != report.samples {
      remarks.append("\(report.samples) samples, \(count) before")
    }
    let now = (report.json["variants"]?.elements ?? []).compactMap { variant in
      variant["name"]?.text.map { ($0, variant) }
    }
    for (name, variant) in now {
      guard let before = entries.first(where: { $0["name"] as? String == name }) else {
        remarks.append("\(name): new")
        continue
      }
      for figure in Self.figures {
        let (was, isNow) = ((before[figure] as? NSNumber)?.doubleValue, variant[figure]?.double)
        guard let was, let isNow else {
          if figure == "accuracy", was != nil {
            regressions.append(
              Diagnostic(id: "compare.baseline.failed", "variant \(name) can no longer be made"))
          }
          continue
        }
        // Readers of JSON may differ in the last bit.
        guard (was - isNow).magnitude > 1e-12 * max(1, was.magnitude) else { continue }
        changes.append(Change(variant: name, figure: figure, before: was, after: isNow))
        judge(name, figure, was, isNow, report.metric, tolerance, sizeTolerance)
      }
    }
    for entry in entries {
      guard let name = entry["name"] as? String, !now.contains(where: { $0.0 == name }) else {
        continue
      }
      remarks.append("\(name): no longer compared")
    }
  }

  private mutating func judge(
    _ variant: String, _ figure: String, _ before: Double, _ after: Double, _ metric: Metric,
    _ tolerance: Double, _ sizeTolerance: Double
  ) {
    if figure == "accuracy" {
      let loss = (metric.isGain ? before - after : after - before) * 100
      // A loss of exactly the tolerance is accepted in spite of rounding.
      guard loss > tolerance + 1e-9 else { return }
      regressions.append(
        Diagnostic(
          id: "compare.baseline.accuracy",
          "variant \(variant): \(metric.label) \(metricText(before, metric)) before, "
            + "\(metricText(after, metric)) now; \(tenths(tolerance)) points may be lost"))
    } else if figure == "flash_bytes" || figure == "ram_bytes" {
      guard before > 0, after > before * (1 + sizeTolerance / 100) else { return }
      regressions.append(
        Diagnostic(
          id: "compare.baseline.size",
          "variant \(variant): \(figure) \(thousands(Int(before))) before, \(thousands(Int(after))) "
            + "now; \(tenths(sizeTolerance)) % may be gained"))
    }
  }

  /// The changes for people.
  public var text: String {
    var lines = remarks.map { plain($0) }
    for change in changes {
      let isShare = change.figure == "accuracy" || change.figure == "agreement"
      let show = { (value: Double) in isShare ? decimal(value) : thousands(Int(value)) }
      let sign = change.after > change.before ? "+" : "−"
      let difference = (change.after - change.before).magnitude
      lines.append(
        "\(plain(change.variant)): \(change.figure) \(show(change.before)) → \(show(change.after)) "
          + "(\(sign)\(isShare ? "\(tenths(difference * 100)) points" : thousands(Int(difference))))"
      )
    }
    return lines.isEmpty ? "nothing changed" : lines.joined(separator: "\n")
  }
}

extension JSONValue {
  fileprivate var elements: [JSONValue] {
    if case .array(let elements) = self { elements } else { [] }
  }
  fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
  fileprivate var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
