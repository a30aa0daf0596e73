/// A real factor as a Q31 mantissa and a right shift: `factor ≈ mantissa · 2^−shift`.
///
/// `2^30 ≤ |mantissa| < 2^31` unless the factor is 0; the sign is the factor's.
public struct FixedPointMultiplier: Hashable, Sendable {
  /// Signed mantissa.
  public var mantissa: Int32
  /// Right shift, 1...62.
  public var shift: Int

  /// The nearest representable factor; factors below `2^−32` become 0.
  ///
  /// - Precondition: `|factor| < 2^30`, finite.
  public init(_ factor: Double) {
    guard factor != 0, factor.isFinite, factor.magnitude >= 0x1p-32 else {
      mantissa = 0
      shift = 33
      return
    }
    var exponent = Int(factor.exponent) + 1
    var scaled = (factor.significand * 0x1p30).rounded()
    if scaled >= 0x1p31 {
      scaled /= 2
      exponent += 1
    }
    mantissa = factor < 0 ? -Int32(scaled) : Int32(scaled)
    shift = 31 - exponent
  }

  /// `mantissa · 2^−shift`.
  public var value: Double {
    Double(mantissa) * Double(sign: .plus, exponent: -shift, significand: 1)
  }
}
