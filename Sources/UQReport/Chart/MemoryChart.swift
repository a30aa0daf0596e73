/// The arena over time: each buffer from its first step to its last, at its address.
struct MemoryChart {
  let arena: ArenaUse
  let byteCount: Int

  /// Draws it for a width.
  func drawing(_ width: Double) -> Drawing {
    let isNarrow = width < 600
    let height: Double = isNarrow ? 320 : 400
    let area = (left: isNarrow ? 54.0 : 70.0, top: 14.0, right: width - 12, bottom: height - 44)
    let steps = Double(max(1, arena.steps.count))
    let most = Double(max(1, byteCount))
    func x(_ step: Int) -> Double { area.left + Double(step) / steps * (area.right - area.left) }
    func y(_ offset: Int) -> Double {
      area.bottom - Double(offset) / most * (area.bottom - area.top)
    }
    var content: [Markup] = []
    for tick in ticks(0, most, count: 5) {
      let position = y(Int(tick))
      content.append(line(area.left, position, area.right, position, "grid"))
      content.append(
        label(thousands(Int(tick)), area.left - 8, position + 4, anchor: "end", "tick"))
    }
    for buffer in arena.buffers {
      let (left, right) = (x(buffer.first), x(buffer.last + 1))
      let (top, bottom) = (y(buffer.offset + buffer.bytes), y(buffer.offset))
      content.append(
        tag(
          "rect",
          [
            "class": buffer.isScratch ? "buffer scratch" : "buffer", "x": point(left + 1),
            "y": point(top + 0.5), "width": point(max(1, right - left - 2)),
            "height": point(max(1, bottom - top - 1)), "rx": "2",
          ],
          tag(
            "title", [:],
            .text(
              "\(buffer.name): \(thousands(buffer.bytes)) bytes at \(thousands(buffer.offset)), "
                + "steps \(buffer.first) to \(buffer.last)"))))
      let text = thousands(buffer.bytes)
      if bottom - top > 16, right - left > UQReport.width(of: text, size: 11) + 6 {
        content.append(
          label(text, (left + right) / 2, (top + bottom) / 2 + 4, anchor: "middle", "inside"))
      }
    }
    let stride = max(1, Int((steps * 30 / (area.right - area.left)).rounded(.up)))
    for step in Swift.stride(from: 0, to: arena.steps.count, by: stride) {
      content.append(
        label("\(step)", (x(step) + x(step + 1)) / 2, area.bottom + 17, anchor: "middle", "tick"))
    }
    content.append(line(area.left, area.bottom, area.right, area.bottom, "axis"))
    content.append(label("step", area.right, height - 6, anchor: "end", "tick"))
    return Drawing(width: width, height: height, content: content)
  }
}
