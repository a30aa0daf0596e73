/// A drawing in a box of its own units.
struct Drawing {
  /// Width of the box.
  var width: Double
  /// Height of the box.
  var height: Double
  /// What is in it.
  var content: [Markup]
}

/// A plot: a wide and a narrow drawing of the same data, of which the style sheet shows the one that fits, and
/// the table of the data.
///
/// - Parameters:
///   - id: prefix of the ids in it.
///   - title: what is plotted, in a few words.
///   - description: what it shows, for those who do not see it.
///   - draw: makes the drawing for a width.
func plot(
  _ id: String, title: String, description: String, table: Markup,
  draw: (_ width: Double) -> Drawing
) -> Markup {
  let drawings = [("wide", draw(1000)), ("narrow", draw(350))].map { kind, drawing in
    svg(drawing, prefix: "\(id)-\(kind)", title: title, description: description, style: kind)
  }
  return tag(
    "figure", [:],
    of: drawings + [
      tag("details", [:], tag("summary", [:], .text("\(title): the numbers")), table)
    ])
}

/// A drawing as an element with a name and a description.
func svg(_ drawing: Drawing, prefix: String, title: String, description: String, style: String)
  -> Markup
{
  tag(
    "svg",
    [
      "class": style, "viewBox": "0 0 \(point(drawing.width)) \(point(drawing.height))",
      "role": "img", "aria-labelledby": "\(prefix)-title \(prefix)-desc",
    ],
    of: [
      tag("title", ["id": "\(prefix)-title"], .text(title)),
      tag("desc", ["id": "\(prefix)-desc"], .text(description)),
    ] + drawing.content)
}

/// A coordinate with one decimal at most.
func point(_ value: Double) -> String {
  guard value.isFinite, value.magnitude < 1e9 else { return "0" }
  let scaled = Int((value * 10).rounded())
  let sign = scaled < 0 ? "-" : ""
  let rest = scaled.magnitude % 10
  return sign + "\(scaled.magnitude / 10)" + (rest == 0 ? "" : ".\(rest)")
}

/// A straight line.
func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) -> Markup {
  tag(
    "line",
    ["class": style, "x1": point(x1), "y1": point(y1), "x2": point(x2), "y2": point(y2)])
}

/// A rectangle.
func rectangle(
  _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String
) -> Markup {
  tag(
    "rect",
    [
      "class": style, "x": point(x), "y": point(y), "width": point(max(0, width)),
      "height": point(max(0, height)),
    ])
}

/// Text whose anchor is `start`, `middle` or `end`.
func label(
  _ text: String, _ x: Double, _ y: Double, anchor: String = "start", _ style: String = "label"
) -> Markup {
  tag(
    "text", ["class": style, "x": point(x), "y": point(y), "text-anchor": anchor], .text(text))
}

/// About the width of a text of 13 units.
func width(of text: String, size: Double = 13) -> Double { Double(text.count) * size * 0.58 }

/// A text cut to a width, with an ellipsis.
func fitted(_ text: String, _ available: Double, size: Double = 13) -> String {
  let most = max(1, Int(available / (size * 0.58)))
  guard text.count > most else { return text }
  // The end of a layer's name tells it from its neighbours.
  return "…" + text.suffix(max(1, most - 1))
}

/// The mark of a variant by its position: shape and colour differ, so that either is enough.
func mark(_ index: Int, _ x: Double, _ y: Double, _ radius: Double = 6) -> Markup {
  let style = "mark c\(index % 8)"
  let r = radius
  let path: String
  switch index % 4 {
  case 0:
    return tag("circle", ["class": style, "cx": point(x), "cy": point(y), "r": point(r)])
  case 1:
    let s = r * 0.9
    path = "M\(point(x - s)) \(point(y - s))h\(point(2 * s))v\(point(2 * s))h\(point(-2 * s))z"
  case 2:
    let s = r * 1.25
    path =
      "M\(point(x)) \(point(y - s))L\(point(x + s)) \(point(y))L\(point(x)) \(point(y + s))"
      + "L\(point(x - s)) \(point(y))z"
  default:
    let s = r * 1.15
    path =
      "M\(point(x)) \(point(y - s))L\(point(x + s)) \(point(y + s * 0.8))L\(point(x - s)) "
      + "\(point(y + s * 0.8))z"
  }
  return tag("path", ["class": style, "d": path])
}

/// Round numbers from `low` to `high`, about `count` of them.
func ticks(_ low: Double, _ high: Double, count: Int) -> [Double] {
  guard high > low, low.isFinite, high.isFinite else { return [low] }
  let rough = (high - low) / Double(max(1, count))
  var unit = 1.0
  while unit > rough { unit /= 10 }
  while unit * 10 <= rough { unit *= 10 }
  let step = [1, 2, 5, 10].map { $0 * unit }.first { $0 >= rough } ?? rough
  let first = Int((low / step).rounded(.up))
  let last = Int((high / step + 1e-9).rounded(.down))
  guard first <= last, last - first < 100 else { return [low, high] }
  return (first...last).map { Double($0) * step }
}

/// Finds places for labels where nothing else is.
struct LabelPlacer {
  private var taken: [(x: Double, y: Double, width: Double, height: Double)] = []
  private let bounds: (left: Double, top: Double, right: Double, bottom: Double)

  /// Labels stay within the bounds.
  init(left: Double, top: Double, right: Double, bottom: Double) {
    bounds = (left, top, right, bottom)
  }

  /// Keeps a box free of labels.
  mutating func occupy(_ x: Double, _ y: Double, _ width: Double, _ height: Double) {
    taken.append((x, y, width, height))
  }

  /// The first place, of those around `(x, y)`, where the text overlaps least; `y` is its base line.
  mutating func place(_ text: String, near x: Double, _ y: Double, size: Double = 13) -> (
    x: Double, y: Double
  ) {
    let (w, h) = (width(of: text, size: size), size * 1.2)
    var candidates: [(Double, Double)] = []
    for distance in 0...12 {
      let dy = Double(distance) * h
      candidates += [
        (x + 12, y - dy), (x - 12 - w, y - dy), (x + 12, y + dy), (x - 12 - w, y + dy),
        (x - w / 2, y - 14 - dy), (x - w / 2, y + 18 + dy),
      ]
    }
    return best(of: candidates, w, h, size)
  }

  /// The first place above or below a level line from `left` to `right`, at `y`, where the text overlaps
  /// least; `y` of the result is its base line.
  mutating func place(
    _ text: String, along left: Double, _ right: Double, _ y: Double, size: Double = 13
  ) -> (x: Double, y: Double) {
    let (w, h) = (width(of: text, size: size), size * 1.2)
    let candidates = (0...8).flatMap { step -> [(Double, Double)] in
      let x = left + (right - w - left) * Double(step) / 8
      return [(x, y - 6), (x, y + size + 2)]
    }
    return best(of: candidates, w, h, size)
  }

  private mutating func best(
    of candidates: [(Double, Double)], _ w: Double, _ h: Double, _ size: Double
  ) -> (x: Double, y: Double) {
    func cost(_ candidate: (Double, Double)) -> Double {
      let (left, top) = (candidate.0, candidate.1 - size * 0.85)
      var sum = 0.0
      for box in taken {
        let overlapX = min(left + w, box.x + box.width) - max(left, box.x)
        let overlapY = min(top + h, box.y + box.height) - max(top, box.y)
        if overlapX > 0, overlapY > 0 { sum += overlapX * overlapY + 1 }
      }
      let outside =
        max(0, bounds.left - left) + max(0, left + w - bounds.right) + max(0, bounds.top - top)
        + max(0, top + h - bounds.bottom)
      return sum + outside * 1000
    }
    var best = candidates[0]
    var least = Double.infinity
    for candidate in candidates {
      let value = cost(candidate)
      if value < least { (best, least) = (candidate, value) }
      if value == 0 { break }
    }
    occupy(best.0, best.1 - size * 0.85, w, h)
    return best
  }
}
