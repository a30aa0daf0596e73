import UQGraph
import UQNumerics
import UQSupport

/// Integers and scales of a weight tensor.
public struct QuantizedWeights: Sendable {
  /// Integers, same shape as the weights.
  public var integers: Tensor
  /// Bits, one scale for each channel, axis.
  public var quantization: Quantization
  /// The real values that the integers stand for.
  public var dequantized: Tensor
}

/// Rounds weights to integers with one scale for each output channel.
///
/// 8 bits use the range −127...127 and the finest scale that loses nothing where training left weights on a
/// grid, else `max|w| / 127`; fewer bits use the scale of least squared error
/// over 71 ratios of the largest magnitude and both signs (a channel may use `{−2...1}` or `{−1...2}`),
/// refined in closed form: for fixed integers `q` the best scale is `Σ w·q / Σ q²`.
public struct WeightQuantizer: Sendable {
  /// Bits of the integers.
  public var bits: Int
  /// Whether scales are powers of two.
  public var powerOfTwo: Bool

  /// Creates a quantizer.
  public init(bits: Int, powerOfTwo: Bool = false) {
    self.bits = bits
    self.powerOfTwo = powerOfTwo
  }

  /// Quantizes `weights` along `axis`; no channel's |scale| falls below its entry of `floors`.
  ///
  /// An all-zero channel gets scale 1 and zeros, or its floor where that is larger.
  public func quantize(_ weights: Tensor, axis: Int, floors: [Double]) -> QuantizedWeights {
    let shape = weights.shape
    let channels = shape[axis]
    let inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    let outer = shape.dimensions[..<axis].reduce(1, *)
    var scales = [Double](repeating: 1, count: channels)
    var integers = Tensor(zeros: .int8, shape)
    var real = Tensor(zeros: .float32, shape)
    let template = Quantization(bits: bits, scales: [1])
    weights.withElements(Float.self) { source in
      integers.withMutableElements(Int8.self) { target in
        real.withMutableElements(Float.self) { dequantized in
          var channel = [Double](repeating: 0, count: outer * inner)
          for c in 0..<channels {
            for o in 0..<outer {
              for i in 0..<inner {
                channel[o * inner + i] = Double(source[(o * channels + c) * inner + i])
              }
            }
            let scale = bestScale(channel, template, floor: floors[c])
            scales[c] = scale
            for o in 0..<outer {
              for i in 0..<inner {
                let q = WeightQuantizer.round(
                  channel[o * inner + i] / scale, template, narrow: bits == 8)
                let position = (o * channels + c) * inner + i
                target[position] = Int8(q)
                dequantized[position] = Float(scale * q)
              }
            }
          }
        }
      }
    }
    return QuantizedWeights(
      integers: integers, quantization: Quantization(bits: bits, scales: scales, axis: axis),
      dequantized: real)
  }

  /// The scale of least squared error for one channel's weights.
  func bestScale(_ w: [Double], _ template: Quantization, floor: Double) -> Double {
    w.withUnsafeBufferPointer { w in
      var largest = 0.0
      for x in w { largest = max(largest, x.magnitude) }
      guard largest > 0 else { return max(1, floor) }
      if bits == 1 { return legal(w.reduce(0) { $0 + $1.magnitude } / Double(w.count), floor) }
      let full = largest / Double(bits == 8 ? 127 : template.highest)
      if bits == 8 {
        let trained = powerOfTwo ? nil : WeightGrid.finestStep(of: w, most: 127)
        return legal(trained ?? full, floor)
      }
      var best = legal(full, floor)
      var bestError = squaredError(w, best, template)
      let signs: [Double] = powerOfTwo ? [1] : [1, -1]
      if !powerOfTwo, let step = WeightGrid.step(of: Array(w), bits: bits) {
        for scale in signs.map({ legal($0 * step, floor) }) {
          let error = squaredError(w, scale, template)
          if error < bestError { (best, bestError) = (scale, error) }
        }
      }
      for sign in signs {
        for step in 0...70 {
          var scale = legal(sign * full * (0.3 + 0.01 * Double(step)), floor)
          var error = squaredError(w, scale, template)
          if let refit = refit(w, scale, template) {
            let refined = legal(refit, floor)
            let refinedError = squaredError(w, refined, template)
            if refinedError < error { (scale, error) = (refined, refinedError) }
          }
          if error < bestError { (best, bestError) = (scale, error) }
        }
      }
      return best
    }
  }

  private func legal(_ scale: Double, _ floor: Double) -> Double {
    var magnitude = max(scale.magnitude, floor, 0x1p-100)
    if powerOfTwo {
      let exponent = Int(magnitude.exponent) + (magnitude.significand > 1 ? 1 : 0)
      magnitude = Double(sign: .plus, exponent: exponent, significand: 1)
    }
    return scale < 0 ? -magnitude : magnitude
  }

  private func refit(_ w: UnsafeBufferPointer<Double>, _ scale: Double, _ template: Quantization)
    -> Double?
  {
    var cross = 0.0
    var square = 0.0
    for x in w {
      let q = WeightQuantizer.round(x / scale, template, narrow: false)
      cross += x * q
      square += q * q
    }
    return square > 0 && cross != 0 ? cross / square : nil
  }

  private func squaredError(
    _ w: UnsafeBufferPointer<Double>, _ scale: Double, _ template: Quantization
  ) -> Double {
    var sum = 0.0
    for x in w {
      let e = x - scale * WeightQuantizer.round(x / scale, template, narrow: false)
      sum += e * e
    }
    return sum
  }

  @inline(__always)
  private static func round(_ x: Double, _ template: Quantization, narrow: Bool) -> Double {
    if template.bits == 1 { return x < 0 ? -1 : 1 }
    let low = Double(narrow ? -template.highest : template.lowest)
    return min(max(x.rounded(), low), Double(template.highest))
  }
}
