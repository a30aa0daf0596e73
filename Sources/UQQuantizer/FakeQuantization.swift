import UQNumerics

extension Quantization {
  /// Replaces each element by the real value that its integer stands for (per tensor).
  ///
  /// Adding and subtracting `1.5 · 2^23` rounds to nearest even in float, which vectorises; ties differ
  /// from the device's rounding, which no statistic notices.
  func simulate(on elements: UnsafeMutableBufferPointer<Float>) {
    let inverse = Float(1 / scale)
    let step = Float(scale)
    let zero = Float(zeroPoint)
    let low = Float(lowest) - zero
    let high = Float(highest) - zero
    let magic: Float = 12_582_912
    for i in elements.indices {
      let scaled = min(max(elements[i] * inverse, low), high)
      elements[i] = ((scaled + magic) - magic) * step
    }
  }
}
