import UQSupport

/// Where an element of a resized axis reads the original.
struct Sampling {
  var method: String
  var coordinates: String
  var rounding: String
  /// Coefficient of the cubic spline.
  var alpha: Double
  /// Whether pixels outside the image have no weight.
  var excludesOutside: Bool

  func position(_ index: Int, from: Int, to: Int, at place: SourcePlace) throws(Diagnostic)
    -> Double
  {
    let scale = Double(Float(from) / Float(to))
    switch coordinates {
    case "half_pixel": return (Double(index) + 0.5) * scale - 0.5
    case "asymmetric": return Double(index) * scale
    case "align_corners":
      return to > 1 ? Double(index) * Double(from - 1) / Double(to - 1) : 0
    case "tf_half_pixel_for_nn": return (Double(index) + 0.5) * scale
    case "pytorch_half_pixel": return to > 1 ? (Double(index) + 0.5) * scale - 0.5 : 0
    default:
      throw Diagnostic(
        id: "import.resize.coordinates",
        "coordinate_transformation_mode '\(coordinates)' is not supported", at: place)
    }
  }

  /// The pixel that each element of the result is a copy of.
  func nearest(from: Int, to: Int, at place: SourcePlace) throws(Diagnostic) -> [Int] {
    var result: [Int] = []
    let kind = rounding.isEmpty ? (coordinates == "align_corners" ? "round" : "floor") : rounding
    for index in 0..<to {
      let x = try position(index, from: from, to: to, at: place)
      let nearest: Double
      switch kind {
      case "round": nearest = x.rounded(.toNearestOrAwayFromZero)
      case "round_prefer_floor": nearest = (x - 0.5).rounded(.up)
      case "round_prefer_ceil": nearest = (x + 0.5).rounded(.down)
      // TVM guards these two against positions just short of an integer.
      case "floor": nearest = (x + 1e-5).rounded(.down)
      case "ceil": nearest = (x - 1e-5).rounded(.up)
      default:
        throw Diagnostic(
          id: "import.resize.rounding", "rounding_method '\(kind)' is not supported", at: place)
      }
      result.append(min(max(Int(nearest), 0), from - 1))
    }
    return result
  }

  /// The matrix, `to` rows of `from` weights, that interpolates.
  func weights(from: Int, to: Int, at place: SourcePlace) throws(Diagnostic) -> [Double] {
    guard method == "linear" || method == "cubic" else {
      throw Diagnostic(
        id: "import.resize.mode", "method '\(method)' is not supported", at: place)
    }
    var rows = [Double](repeating: 0, count: from * to)
    for index in 0..<to {
      let x = try position(index, from: from, to: to, at: place)
      let base = x.rounded(.down)
      let t = x - base
      var taps: [(Int, Double)]
      if method == "linear" {
        taps = [(Int(base), 1 - t), (Int(base) + 1, t)]
      } else {
        let a = alpha
        let (t2, t3) = (t * t, t * t * t)
        taps = [
          (Int(base) - 1, a * (t3 - 2 * t2 + t)), (Int(base), (a + 2) * t3 - (a + 3) * t2 + 1),
          (Int(base) + 1, -(a + 2) * t3 + (2 * a + 3) * t2 - a * t),
          (Int(base) + 2, -a * t3 + a * t2),
        ]
        if excludesOutside {
          taps = taps.filter { (0..<from).contains($0.0) }
          let sum = taps.reduce(0) { $0 + $1.1 }
          taps = taps.map { ($0.0, $0.1 / sum) }
        }
      }
      for (place, weight) in taps {
        rows[index * from + min(max(place, 0), from - 1)] += weight
      }
    }
    return rows
  }
}
