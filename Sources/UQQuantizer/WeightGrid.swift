import UQGraph
import UQNumerics

/// The few levels that training left weights on: `w = s · q` with integers `q` of few bits.
///
/// Networks trained for few bits (ternary weight networks, Li et al. 2016; DoReFa, LSQ) come as floats like
/// any other. Rounded on their own grid they lose nothing, and nothing may move them off it.
enum WeightGrid {
  /// Most bits that are looked for.
  static let bits = 4
  /// Fewest weights other than 0 that cannot lie on a grid by chance.
  private static let fewest = 4
  /// Part of a step that a weight may be off: floats have been multiplied a few times.
  private static let tolerance = 1e-4

  /// The largest `s > 0` for which all weights are `s · q` with integers of so many bits, all negated or none;
  /// `nil` where there is none, and where all are 0.
  ///
  /// With 1 bit the integers are −1 and 1.
  ///
  /// - Complexity: O(n · 2^bits), and less where a weight is soon off.
  static func step(of weights: [Double], bits: Int) -> Double? {
    guard bits <= Self.bits, weights.allSatisfy(\.isFinite) else { return nil }
    let smallest = weights.reduce(Double.infinity) { $1 == 0 ? $0 : min($0, $1.magnitude) }
    guard smallest.isFinite else { return nil }
    let most = 1 << (bits - 1)
    return (1...most).lazy.map { smallest / Double($0) }.first { step in
      var extremes = (low: false, high: false)
      for weight in weights {
        let q = (weight / step).rounded()
        guard q.magnitude <= Double(most),
          (weight / step - q).magnitude <= tolerance * max(1, q.magnitude),
          bits > 1 || q != 0
        else { return false }
        if q == Double(most) { extremes.high = true }
        if q == -Double(most) { extremes.low = true }
      }
      return bits == 1 || !(extremes.low && extremes.high)
    }
  }

  /// The smallest `s > 0` for which all weights are `s · q` with integers of −`most` to `most`, which no rounding
  /// to `most` steps of the largest weight finds where training stopped short of it; `nil` where there is none,
  /// and where too few weights are other than 0.
  ///
  /// - Complexity: O(n · most), and less where a weight is soon off.
  static func finestStep(of weights: UnsafeBufferPointer<Double>, most: Int) -> Double? {
    let largest = weights.reduce(0) { max($0, $1.magnitude) }
    guard largest.isFinite, weights.count(where: { $0 != 0 }) >= fewest else { return nil }
    return (1...most).reversed().lazy.map { largest / Double($0) }.first { step in
      weights.allSatisfy {
        let q = $0 / step
        return (q - q.rounded()).magnitude <= 10 * tolerance
      }
    }
  }

  /// Whether every channel, a row of `rows`, has a grid of so many bits.
  static func holds(_ rows: [[Double]], bits: Int = Self.bits) -> Bool {
    var isSure = false
    for row in rows {
      let count = row.count { $0 != 0 }
      if count == 0 { continue }
      guard step(of: row, bits: bits) != nil else { return false }
      isSure = isSure || count >= fewest
    }
    return isSure
  }
}

extension Graph {
  /// The fewest bits, 1 to 4, that a layer's weights were trained for: in every output channel they are a step times
  /// integers of so many bits; `nil` for all other nodes.
  ///
  /// - Complexity: O(weights).
  public func trainedBits(of node: Node) -> Int? {
    guard let (slot, axis) = node.weightOperand, let weights = constant(node.operands[slot]),
      weights.element == .float32, weights.count > 0
    else { return nil }
    let dimensions = weights.shape.dimensions
    let inner = dimensions[(axis + 1)...].reduce(1, *)
    let channels = dimensions[axis]
    var rows = [[Double]](repeating: [], count: channels)
    weights.withElements(Float.self) { elements in
      for (index, weight) in elements.enumerated() {
        rows[index / inner % channels].append(Double(weight))
      }
    }
    guard WeightGrid.holds(rows) else { return nil }
    return (1...WeightGrid.bits).first { WeightGrid.holds(rows, bits: $0) }
  }
}
