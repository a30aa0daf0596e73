/// The flash of each variant, split.
struct FlashChart {
  let variants: [VariantReport]

  /// The parts in order, with their names.
  static let parts: [(name: String, bytes: @Sendable (FlashUse) -> Int?)] = [
    ("weights", { $0.weights }), ("scales and tables", { $0.tables }),
    ("kernel code", { $0.kernelCode }), ("glue", { $0.glue }),
  ]

  /// Draws it for a width.
  func drawing(_ width: Double) -> Drawing {
    let isNarrow = width < 600
    let margin: Double = isNarrow ? 76 : 150
    let room: Double = isNarrow ? 66 : 90
    let most = Double(max(1, variants.map(\.flashBytes).max() ?? 1))
    func extent(_ bytes: Int) -> Double { Double(bytes) / most * (width - margin - room) }
    var content: [Markup] = []
    var x = margin
    var y = 14.0
    for (index, part) in Self.parts.enumerated() {
      let needed = 18 + UQReport.width(of: part.name) + 18
      if x + needed > width { (x, y) = (margin, y + 22) }
      content.append(rectangle(x, y - 11, 12, 12, "part p\(index)"))
      content.append(label(part.name, x + 18, y))
      x += needed
    }
    y += 22
    for variant in variants {
      guard let flash = variant.flash else { continue }
      content.append(
        label(fitted(variant.label, margin - 12), margin - 10, y + 19, anchor: "end"))
      var left = margin
      for (index, part) in Self.parts.enumerated() {
        guard let bytes = part.bytes(flash), bytes > 0 else { continue }
        let size = extent(bytes)
        content.append(rectangle(left, y, size, 28, "part p\(index)"))
        let text = thousands(bytes)
        if UQReport.width(of: text) + 10 < size {
          content.append(label(text, left + size / 2, y + 19, anchor: "middle"))
        }
        left += size
      }
      content.append(
        label(
          (flash.isEstimate ? "≥ " : "") + thousands(flash.total), left + 8, y + 19,
          "label strong"))
      y += 40
    }
    return Drawing(width: width, height: y, content: content)
  }
}
