extension ComparisonReport {
  /// A table for people, a small plot, and what the differences mean.
  public var table: String {
    let hasInstructions = variants.contains { $0.instructions != nil }
    var header = [
      "variant", metric.label, "95 % interval", "as float", "weights", "flash", "RAM", "MACs",
    ]
    if hasInstructions { header.append("instr.") }
    var rows = [header]
    for v in variants {
      guard let accuracy = v.accuracy else {
        rows.append(
          [plain(v.label), "failed"] + [String](repeating: "", count: header.count - 2))
        continue
      }
      var row = [
        plain(v.label), metricText(accuracy, metric),
        v.confidence.map { "\(metricText($0.low, metric))–\(metricText($0.high, metric))" } ?? "",
        v.agreement.map { percent($0) } ?? "", bytes(v.weightBytes),
        v.flashBytes == 0 ? "" : (v.isFlashMeasured ? "" : "≥ ") + bytes(v.flashBytes),
        bytes(v.ramBytes), thousands(v.macs),
      ]
      if hasInstructions { row.append(v.instructions.map(thousands) ?? "") }
      rows.append(row)
    }
    let within = limits.isEmpty ? "" : ", within \(limits.text)"
    var text = "\(plain(model)): \(samples) samples\(within)\n\n" + columns(rows)
    let lines = variants.compactMap { v in verdict(v).map { "\(plain(v.label)): \(plain($0))" } }
    if let plot = TerminalPlot(self) { text += "\n\(plot.text)" }
    if !lines.isEmpty { text += "\n" + lines.joined(separator: "\n") + "\n" }
    if !integers.isEmpty { text += "\nRecommended: \(plain(recommendation.reason))\n" }
    return text + (legend.isEmpty ? "" : "\n" + legend)
  }

  /// What the columns mean, as far as they are filled.
  private var legend: String {
    guard variants.contains(where: { $0.ramBytes > 0 }) else { return "" }
    let flash =
      integers.contains { !$0.isFlashMeasured }
      ? "flash: all constants, the code comes on top"
      : "flash: constants and code, \(device)"
    return "as float: samples given the float model's class; \(flash); RAM: the arena"
  }
}

/// Rows as columns of one width each, the first flush left, with a rule below the header.
func columns(_ rows: [[String]]) -> String {
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  let lines = rows.map { row in
    let cells = zip(row, widths).enumerated().map { index, cell in
      let padding = String(repeating: " ", count: cell.1 - cell.0.count)
      return index == 0 ? cell.0 + padding : padding + cell.0
    }
    return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
  }
  let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
  return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n") + "\n"
}

/// A text that cannot steer a terminal: control characters become `?`.
func plain(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.map {
        $0.properties.generalCategory == .control || $0.properties.generalCategory == .format
          ? "?" : $0
      }))
}

/// Each variant as a line whose columns are the metric: the interval, and a mark at the value.
struct TerminalPlot {
  let text: String

  /// Draws the variants; `nil` where fewer than two have an interval.
  init?(_ report: ComparisonReport, width: Int = 48) {
    let shown = report.variants.filter { $0.accuracy != nil && $0.confidence != nil }
    guard shown.count > 1, let low = shown.compactMap({ $0.confidence?.low }).min(),
      let high = shown.compactMap({ $0.confidence?.high }).max(), high > low
    else { return nil }
    let recommended = report.recommendation.variant
    let names = shown.map { plain($0.label) }
    let margin = names.map(\.count).max() ?? 0
    func column(_ value: Double) -> Int {
      min(width - 1, max(0, Int(((value - low) / (high - low) * Double(width - 1)).rounded())))
    }
    var lines: [String] = []
    for (variant, name) in zip(shown, names) {
      guard let accuracy = variant.accuracy, let interval = variant.confidence else { continue }
      var cells = [Character](repeating: " ", count: width)
      for position in column(interval.low)...column(interval.high) { cells[position] = "─" }
      cells[column(interval.low)] = "├"
      cells[column(interval.high)] = "┤"
      cells[column(accuracy)] = variant.name == recommended ? "◆" : "●"
      let size = variant.isFloat ? "" : bytes(report.size(variant))
      lines.append(
        name + String(repeating: " ", count: margin - name.count) + "  " + String(cells)
          + (size.isEmpty ? "" : "  \(size)"))
    }
    let (left, right) = (metricText(low, report.metric), metricText(high, report.metric))
    let gap = String(repeating: " ", count: max(1, width - left.count - right.count))
    lines.append(String(repeating: " ", count: margin + 2) + left + gap + right)
    text =
      lines.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
      .joined(separator: "\n") + "\n"
  }
}
