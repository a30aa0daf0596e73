/// A figure of each layer, for each variant: rows from the network's input down to its output.
struct ProfileChart {
  /// A variant's figures.
  struct Series {
    var label: String
    var color: Int
    /// For each row, in decibels; `nil` where there is none.
    var values: [Double?]
  }

  let rows: [String]
  let series: [Series]
  /// Whether a line joins the rows of a variant.
  let isConnected: Bool
  /// What the axis says.
  let unit: String

  /// Ratios from here on are as good as exact; they lie on the right edge.
  private static let exact = 120.0

  /// Draws it for a width.
  func drawing(_ width: Double) -> Drawing {
    let isNarrow = width < 600
    let margin: Double = isNarrow ? 112 : 270
    let step: Double = 24
    let area = (left: margin, top: 34.0, right: width - 16)
    let bottom = area.top + step * Double(rows.count)
    let finite = series.flatMap(\.values).compactMap { $0 }.filter { $0 < Self.exact }
    let low = min(0, finite.min() ?? 0)
    let high = max(low + 10, (finite.max() ?? 40) * 1.04)
    func x(_ value: Double) -> Double {
      area.left + (min(value, high) - low) / (high - low) * (area.right - area.left)
    }
    func y(_ row: Int) -> Double { area.top + step * (Double(row) + 0.5) }
    var content: [Markup] = []
    for row in stride(from: 0, to: rows.count, by: 2) {
      content.append(rectangle(0, y(row) - step / 2, width, step, "stripe"))
    }
    for tick in ticks(low, high, count: isNarrow ? 4 : 8) {
      content.append(line(x(tick), area.top, x(tick), bottom, "grid"))
      content.append(
        label(
          tenths(tick).replacing(".0", with: ""), x(tick), area.top - 8, anchor: "middle", "tick"))
    }
    content.append(
      label(isNarrow ? "dB" : unit, area.left - 14, area.top - 8, anchor: "end", "tick"))
    for (row, name) in rows.enumerated() {
      content.append(
        label(
          fitted(name, margin - 18, size: 12), area.left - 12, y(row) + 4, anchor: "end", "row"))
    }
    for item in series {
      if isConnected {
        var path = ""
        for (row, value) in item.values.enumerated() {
          guard let value else { continue }
          path += "\(path.isEmpty ? "M" : "L")\(point(x(value))) \(point(y(row)))"
        }
        content.append(tag("path", ["class": "series c\(item.color % 8)", "d": path]))
      }
      for (row, value) in item.values.enumerated() {
        guard let value else { continue }
        content.append(mark(item.color, x(value), y(row), 4.5))
      }
    }
    let (names, depth) = endLabels(x, bottom, area.left, width)
    return Drawing(width: width, height: bottom + depth + 6, content: content + names)
  }

  /// The variants' names below their last marks, in as many lines as they need.
  private func endLabels(
    _ x: (Double) -> Double, _ bottom: Double, _ left: Double, _ width: Double
  ) -> (content: [Markup], depth: Double) {
    var content: [Markup] = []
    var ends: [Double] = []
    let placed = series.compactMap { item -> (Series, Double)? in
      item.values.last { $0 != nil }.flatMap { $0 }.map { (item, x($0)) }
    }.sorted { $0.1 < $1.1 }
    for (item, position) in placed {
      let text = fitted(item.label, 150)
      let extent = UQReport.width(of: text) + 18
      let start = min(max(left - 60, position - extent / 2), width - extent)
      var row = 0
      while row < ends.count, ends[row] > start { row += 1 }
      if row == ends.count { ends.append(0) }
      ends[row] = start + extent + 10
      let y = bottom + 22 + Double(row) * 20
      content.append(mark(item.color, start + 6, y - 4, 4.5))
      content.append(label(text, start + 16, y))
    }
    return (content, 12 + 20 * Double(ends.count))
  }

}
