import Foundation

/// A histogram with the ranges that variants chose below it.
struct HistogramChart {
  /// A range and whose it is.
  struct Range {
    var label: String
    var color: Int
    var range: ValueRange
  }

  let histogram: Histogram
  let ranges: [Range]

  /// The drawing.
  var drawing: Drawing {
    let width = 320.0
    let area = (left: 8.0, right: width - 8, top: 6.0, bottom: 92.0)
    let (low, high) = domain
    func x(_ value: Double) -> Double {
      area.left + (min(max(value, low), high) - low) / (high - low) * (area.right - area.left)
    }
    var content: [Markup] = []
    let tallest = log(1 + Double(histogram.counts.max() ?? 1))
    let step = (histogram.high - histogram.low) / Double(max(1, histogram.counts.count))
    var path = ""
    for (index, count) in histogram.counts.enumerated() where count > 0 {
      let from = histogram.low + Double(index) * step
      let height = log(1 + Double(count)) / max(tallest, 1e-9) * (area.bottom - area.top)
      path +=
        "M\(point(x(from))) \(point(area.bottom))v\(point(-height))"
        + "H\(point(max(x(from) + 0.5, x(from + step) - 0.6)))V\(point(area.bottom))z"
    }
    content.append(tag("path", ["class": "bars", "d": path]))
    content.append(line(area.left, area.bottom, area.right, area.bottom, "axis"))
    if low < 0, high > 0 { content.append(line(x(0), area.top, x(0), area.bottom + 4, "zero")) }
    content.append(label(significant(low), area.left, area.bottom + 17, "tick"))
    content.append(label(significant(high), area.right, area.bottom + 17, anchor: "end", "tick"))
    if low < 0, high > 0, x(0) > area.left + 60, x(0) < area.right - 60 {
      content.append(label("0", x(0), area.bottom + 17, anchor: "middle", "tick"))
    }
    var y = area.bottom + 36
    for item in ranges {
      let style = "interval c\(item.color % 8)"
      let (from, to) = (x(item.range.low), x(item.range.high))
      content.append(line(from, y, to, y, style))
      if item.range.low >= low { content.append(line(from, y - 4, from, y + 4, style)) }
      if item.range.high <= high { content.append(line(to, y - 4, to, y + 4, style)) }
      let text = fitted(item.label, 150, size: 12)
      let extent = UQReport.width(of: text, size: 12)
      let center = min(max((from + to) / 2, area.left + extent / 2), area.right - extent / 2)
      content.append(label(text, center, y + 15, anchor: "middle", "row"))
      y += 30
    }
    return Drawing(width: width, height: y - 8, content: content)
  }

  /// The histogram's range and the chosen ones, as far as those are not much wider.
  private var domain: (Double, Double) {
    let extent = max(histogram.high - histogram.low, 1e-30)
    let low = min(histogram.low, ranges.map(\.range.low).min() ?? histogram.low)
    let high = max(histogram.high, ranges.map(\.range.high).max() ?? histogram.high)
    return (max(low, histogram.low - extent / 2), min(high, histogram.high + extent / 2))
  }
}
