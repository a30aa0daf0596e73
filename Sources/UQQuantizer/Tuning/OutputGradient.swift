import Foundation

extension OutputError {
  /// The error that a watched value adds, and its gradient at that value's elements.
  ///
  /// For logits `z` it is `KL(softmax(z_ref / T) ‖ softmax(z / T))` with the gradient
  /// `(softmax(z / T) − softmax(z_ref / T)) / T`; else the weighted squared error.
  ///
  /// - Parameters:
  ///   - sample: index of the sample.
  ///   - order: index of the value among the watched ones, as they are computed.
  func gradient(
    _ rule: Watched, sample: Int, order: Int, _ actual: UnsafeBufferPointer<Float>
  ) -> [Float] {
    reference[sample][order].withUnsafeBufferPointer { wanted in
      var result = [Float](repeating: 0, count: actual.count)
      guard rule.isLogits else {
        let weight = Float(2 * rule.weight)
        for i in actual.indices { result[i] = weight * (actual[i] - wanted[i]) }
        return result
      }
      let cold = 1 / temperature
      for row in stride(from: 0, to: actual.count, by: max(rule.classes, 1)) {
        let range = row..<row + rule.classes
        let p = softmax(wanted, range, cold)
        let q = softmax(actual, range, cold)
        for i in range { result[i] = Float((q[i - row] - p[i - row]) * cold) }
      }
      return result
    }
  }
}

func softmax(
  _ logits: UnsafeBufferPointer<Float>, _ range: Range<Int>, _ cold: Double
) -> [Double] {
  var top = -Double.infinity
  for i in range { top = max(top, Double(logits[i]) * cold) }
  let values = range.map { exp(Double(logits[$0]) * cold - top) }
  let total = values.reduce(0, +)
  return values.map { $0 / total }
}
