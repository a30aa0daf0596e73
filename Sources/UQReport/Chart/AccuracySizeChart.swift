/// The metric of each variant over its size, with intervals, the Pareto frontier and float as a line.
struct AccuracySizeChart {
  let report: ComparisonReport
  /// Position of each integer variant among the colours.
  let colors: [String: Int]

  /// Draws it for a width.
  func drawing(_ width: Double) -> Drawing {
    let isNarrow = width < 600
    let height: Double = isNarrow ? 320 : 420
    let area = (left: isNarrow ? 54.0 : 58.0, top: 18.0, right: width - 18, bottom: height - 46)
    let shown = report.integers
    let sizes = shown.map { Double(report.size($0)) }
    let (lowest, highest) = span
    let most = max(1, (sizes.max() ?? 1) * 1.12)
    func x(_ size: Double) -> Double { area.left + size / most * (area.right - area.left) }
    func y(_ value: Double) -> Double {
      area.bottom - (value - lowest) / (highest - lowest) * (area.bottom - area.top)
    }
    let levels = ticks(lowest, highest, count: isNarrow ? 5 : 7).filter { $0 <= mostPossible }
    var content: [Markup] = []
    for tick in levels {
      content.append(line(area.left, y(tick), area.right, y(tick), "grid"))
      content.append(label(axisText(tick), area.left - 8, y(tick) + 4, anchor: "end", "tick"))
    }
    for tick in ticks(0, most, count: isNarrow ? 3 : 8) {
      content.append(line(x(tick), area.bottom, x(tick), area.bottom + 5, "axis"))
      content.append(
        label(thousands(Int(tick)), x(tick), area.bottom + 19, anchor: "middle", "tick"))
    }
    content.append(line(area.left, area.bottom, area.right, area.bottom, "axis"))
    var placer = LabelPlacer(left: area.left, top: 2, right: width - 2, bottom: area.bottom)
    for tick in levels {
      placer.occupy(area.left, y(tick) - 0.5, area.right - area.left, 1)
    }
    let isFlash = shown.contains { $0.flash != nil } && Set(shown.map(\.isFlashMeasured)).count == 1
    let unit =
      isFlash
      ? (shown.first?.isFlashMeasured == true ? "flash, bytes" : "flash without code, bytes")
      : "weights, bytes"
    content.append(label(unit, area.right, height - 6, anchor: "end", "tick"))

    if let float = report.float, let accuracy = float.accuracy {
      if let interval = float.confidence {
        content.append(
          rectangle(
            area.left, y(interval.high), area.right - area.left, y(interval.low) - y(interval.high),
            "band"))
      }
      content.append(line(area.left, y(accuracy), area.right, y(accuracy), "reference"))
      placer.occupy(area.left, y(accuracy) - 1, area.right - area.left, 2)
    }
    if isFlash, let flash = report.limits.flash, Double(flash) <= most {
      let edge = x(Double(flash))
      content.append(line(edge, area.top, edge, area.bottom, "reference"))
      placer.occupy(edge - 1, area.top, 2, area.bottom - area.top)
      let place = placer.place("flash given", near: edge, area.bottom - 8)
      content.append(label("flash given", place.x, place.y, "label quiet"))
    }
    let corners = frontierCorners(x, y)
    content += frontierLine(corners)
    for (from, to) in zip(corners, corners.dropFirst()) {
      placer.occupy(from.0, from.1 - 1, to.0 - from.0, 2)
      placer.occupy(to.0 - 1, to.1, 2, from.1 - to.1)
    }
    for (variant, size) in zip(shown, sizes) {
      guard let accuracy = variant.accuracy else { continue }
      let (px, py) = (x(size), y(accuracy))
      if let interval = variant.confidence {
        placer.occupy(px - 5, y(interval.high), 10, y(interval.low) - y(interval.high))
      }
      placer.occupy(px - 9, py - 9, 18, 18)
    }
    if let float = report.float, let accuracy = float.accuracy {
      let text = "float \(metricText(accuracy, report.metric))"
      let place = placer.place(text, along: area.left + 8, area.right, y(accuracy))
      content.append(label(text, place.x, place.y, "label quiet"))
    }
    for (variant, size) in zip(shown, sizes) {
      content += marks(variant, x(size), y, &placer, isNarrow)
    }
    return Drawing(width: width, height: height, content: content)
  }

  private func marks(
    _ variant: VariantReport, _ x: Double, _ y: (Double) -> Double, _ placer: inout LabelPlacer,
    _ isNarrow: Bool
  ) -> [Markup] {
    guard let accuracy = variant.accuracy else { return [] }
    let color = colors[variant.name] ?? 0
    let isRecommended = report.recommendation.variant == variant.name
    var content: [Markup] = []
    if let interval = variant.confidence {
      let style = "interval c\(color % 8)"
      content.append(line(x, y(interval.low), x, y(interval.high), style))
      for end in [interval.low, interval.high] {
        content.append(line(x - 5, y(end), x + 5, y(end), style))
      }
    }
    if isRecommended {
      content.append(
        tag(
          "circle", ["class": "ring", "cx": point(x), "cy": point(y(accuracy)), "r": "11"]))
    }
    content.append(mark(color, x, y(accuracy)))
    let name = fitted(variant.label, isNarrow ? 110 : 220)
    let text = isRecommended && !isNarrow ? "\(name), recommended" : name
    // Bold letters are wider.
    let size: Double = isRecommended ? 15 : 13
    let place = placer.place(text, near: x, y(accuracy) + 4, size: size)
    let isBeside = (place.y - y(accuracy) - 4).magnitude < size
    if !isBeside {
      let end = max(place.x, min(x, place.x + width(of: text, size: size)))
      let edge = place.y > y(accuracy) ? place.y - size * 0.85 : place.y + 3
      content.insert(line(x, y(accuracy), end, edge, "leader c\(color % 8)"), at: 0)
    }
    content.append(
      label(text, place.x, place.y, "label c\(color % 8)" + (isRecommended ? " strong" : "")))
    return content
  }

  private func frontierCorners(_ x: (Double) -> Double, _ y: (Double) -> Double) -> [(
    Double, Double
  )] {
    report.frontier.compactMap { name in
      report.integers.first { $0.name == name }
    }.compactMap { variant in
      variant.accuracy.map { (x(Double(report.size(variant))), y($0)) }
    }
  }

  private func frontierLine(_ corners: [(Double, Double)]) -> [Markup] {
    guard corners.count > 1, let first = corners.first else { return [] }
    var path = "M\(point(first.0)) \(point(first.1))"
    for corner in corners.dropFirst() { path += "H\(point(corner.0))V\(point(corner.1))" }
    return [tag("path", ["class": "frontier", "d": path])]
  }

  private var span: (Double, Double) {
    var values: [Double] = []
    for variant in report.variants {
      values += [variant.accuracy, variant.confidence?.low, variant.confidence?.high]
        .compactMap { $0 }
    }
    guard let low = values.min(), let high = values.max() else { return (0, 1) }
    let room = max((high - low) * 0.06, 1e-6)
    return (low - room < 0 && low >= 0 ? 0 : low - room, high + room)
  }

  /// The largest value that the metric can have.
  private var mostPossible: Double {
    report.metric.isShare || report.metric == .auc ? 1 : .infinity
  }

  private func axisText(_ value: Double) -> String {
    report.metric.isShare
      ? "\(tenths(value * 100).replacing(".0", with: "")) %" : significant(value)
  }
}
