import Foundation

/// How a product of an integer with a real factor becomes an integer.
public enum IntegerRounding: String, Hashable, Codable, Sendable {
  /// To nearest, ties toward +∞: `floor(x + 1/2)`; Relay's `UPWARD`.
  case upward
  /// To nearest, ties away from zero; Relay's `TONEAREST`.
  case awayFromZero
}

/// A real factor as TVM writes it: `multiplier · 2^(shift − 31)`, `multiplier` in `[2^30, 2^31)` or 0.
public struct FixedPointFactor: Hashable, Codable, Sendable {
  /// Mantissa, Q31.
  public var multiplier: Int32
  /// Left shift; negative to the right.
  public var shift: Int

  /// Takes the two numbers as they are.
  public init(multiplier: Int32, shift: Int) {
    self.multiplier = multiplier
    self.shift = shift
  }

  /// The nearest factor, ties of the mantissa away from zero.
  ///
  /// - Precondition: `real` is finite and not negative.
  public init(_ real: Double) {
    guard real > 0, real.isFinite else {
      self.init(multiplier: 0, shift: 0)
      return
    }
    var exponent = Int(real.exponent) + 1
    var mantissa = (real.significand * 0x1p30).rounded(.toNearestOrAwayFromZero)
    if mantissa == 0x1p31 {
      mantissa = 0x1p30
      exponent += 1
    }
    self.init(multiplier: Int32(mantissa), shift: exponent)
  }

  /// `x · multiplier · 2^(shift − 31)`, rounded once and modulo 2^32.
  ///
  /// A right shift of the 64-bit product by more than 62 bits, which is undefined in TVM, gives 0 or
  /// −1 as its sign says, rounded: 0.
  @inline(__always)
  public func apply(_ x: Int32, _ rounding: IntegerRounding) -> Int32 {
    let left = Int64(max(shift, 0))
    let right = Int64(31 + max(-shift, 0))
    guard right <= 62 else { return 0 }
    let product = (Int64(x) << left) &* Int64(multiplier)
    let half = Int64(1) << (right - 1)
    let nudge = rounding == .awayFromZero && product < 0 ? half - 1 : half
    return Int32(truncatingIfNeeded: (product &+ nudge) >> right)
  }
}

extension Float {
  /// Rounds as `rounding` says.
  @inline(__always)
  func rounded(_ rounding: IntegerRounding) -> Float {
    switch rounding {
    case .upward: (self + 0.5).rounded(.down)
    case .awayFromZero: rounded(.toNearestOrAwayFromZero)
    }
  }
}

extension Double {
  /// Rounds as `rounding` says.
  @inline(__always)
  func rounded(_ rounding: IntegerRounding) -> Double {
    switch rounding {
    case .upward: (self + 0.5).rounded(.down)
    case .awayFromZero: rounded(.toNearestOrAwayFromZero)
    }
  }
}
