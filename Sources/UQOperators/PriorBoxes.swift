import UQGraph
import UQNumerics
import UQSupport

/// Import of the anchor boxes of single-shot detectors, which depend on the shape of their operand alone.
///
/// Source: TVM's definition of `vision.multibox_prior`, after Liu et al., SSD: Single Shot MultiBox
/// Detector, 2016.
public enum PriorBoxes: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    [
      .relay("vision.multibox_prior") { node, builder throws(Diagnostic) in
        let shape = builder.shape(of: try node.operand(0, "data"))
        guard shape.rank == 4 else {
          throw Diagnostic(
            id: "import.detection.anchors", "anchors for \(shape), not for [N, C, H, W]",
            at: node.place)
        }
        let boxes = try Anchors(node, height: shape[2], width: shape[3])
        return builder.addConstant(
          Tensor(boxes.corners, try node.shape([1, boxes.corners.count / 4, 4])), as: node)
      }
    ]
  }

  /// Most anchors of one call.
  fileprivate static let limit = 1 << 20
}

/// Boxes around the pixels of an image: one of each size, and one of the first size in every further ratio.
private struct Anchors {
  /// Left, top, right and bottom of each box, as shares of the image.
  private(set) var corners: [Float] = []

  init(_ node: ForeignNode, height: Int, width: Int) throws(Diagnostic) {
    let sizes = try node.numbers("sizes", default: [1])
    let ratios = try node.numbers("ratios", default: [1])
    let steps = try node.numbers("steps", default: [-1, -1])
    let offsets = try node.numbers("offsets", default: [0.5, 0.5])
    let perPixel = max(sizes.count + ratios.count - 1, 0)
    guard let first = sizes.first, !ratios.isEmpty, ratios.allSatisfy({ $0 > 0 }),
      steps.count == 2, offsets.count == 2, (1...PriorBoxes.limit).contains(perPixel),
      (1...PriorBoxes.limit).contains(height), (1...PriorBoxes.limit).contains(width),
      saturatingProduct(perPixel, height, width) <= PriorBoxes.limit
    else {
      throw Diagnostic(
        id: "import.detection.anchors",
        "sizes \(sizes), ratios \(ratios), steps \(steps) and offsets \(offsets) make no anchors of "
          + "\(height) x \(width) pixels", at: node.place)
    }
    let aspect = Float(height) / Float(width)
    let halves =
      sizes.map { (width: $0 * aspect / 2, height: $0 / 2) }
      + ratios.dropFirst().map {
        (width: first * aspect * $0.squareRoot() / 2, height: first / $0.squareRoot() / 2)
      }
    let stepY = steps[0] > 0 ? steps[0] : 1 / Float(height)
    let stepX = steps[1] > 0 ? steps[1] : 1 / Float(width)
    corners.reserveCapacity(4 * height * width * perPixel)
    for row in 0..<height {
      let y = (Float(row) + offsets[0]) * stepY
      for column in 0..<width {
        let x = (Float(column) + offsets[1]) * stepX
        for half in halves {
          corners += [x - half.width, y - half.height, x + half.width, y + half.height]
        }
      }
    }
    if try node.flag("clip") { corners = corners.map { min(max($0, 0), 1) } }
  }
}

extension ForeignNode {
  fileprivate func numbers(_ key: String, default fallback: [Float]) throws(Diagnostic) -> [Float] {
    switch attributes[key] {
    case nil: return fallback
    case .floats(let values): return values
    case .ints(let values): return values.map(Float.init)
    default:
      throw Diagnostic(
        id: "import.attribute.type", "attribute '\(key)' is no list of numbers", at: place)
    }
  }
}
