import UQNumerics

extension Tensor {
  /// Numbers of NaN and of infinite elements; O(elements), 0 for integers.
  var nonFiniteCounts: (nan: Int, infinite: Int) {
    withUnsafeBytes { raw in
      switch element {
      case .float64:
        count(raw.bindMemory(to: UInt64.self), exponent: 0x7FF0_0000_0000_0000)
      case .float32: count(raw.bindMemory(to: UInt32.self), exponent: 0x7F80_0000)
      case .float16: count(raw.bindMemory(to: UInt16.self), exponent: 0x7C00)
      case .bfloat16: count(raw.bindMemory(to: UInt16.self), exponent: 0x7F80)
      default: (0, 0)
      }
    }
  }

  private func count<T: FixedWidthInteger>(_ bits: UnsafeBufferPointer<T>, exponent: T)
    -> (nan: Int, infinite: Int)
  {
    var special = 0
    var infinite = 0
    let magnitude = T.max >> 1
    for pattern in bits where pattern & exponent == exponent {
      special += 1
      if pattern & magnitude == exponent { infinite += 1 }
    }
    return (special - infinite, infinite)
  }
}
