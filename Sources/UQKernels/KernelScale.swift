/// A real factor as a requantizing kernel takes it: multiplier, shift, and the rounding they are for.
public struct KernelScale: Hashable, Sendable {
  /// Signed mantissa.
  public var multiplier: Int
  /// Right shift.
  public var shift: Int
  /// The rounding that the two are meant for.
  public var rounding: Rounding

  /// Takes the numbers as they are.
  public init(multiplier: Int, shift: Int, rounding: Rounding) {
    self.multiplier = multiplier
    self.shift = shift
    self.rounding = rounding
  }

  /// The nearest representable factor; `nil` where it is 2^30 or larger, or not finite.
  ///
  /// Where the rounding is `shift` and the factor is no power of two, the kernel rounds once instead.
  public init?(_ factor: Double, _ rounding: Rounding) {
    guard factor.isFinite, factor.magnitude < 0x1p29 else { return nil }
    let fixed = FixedPointMultiplier(factor)
    multiplier = Int(fixed.mantissa)
    shift = fixed.shift
    self.rounding = rounding
    guard rounding == .shift else { return }
    if fixed.mantissa.magnitude == 1 << 30, (0...31).contains(shift - 30) {
      shift -= 30
    } else {
      self.rounding = .single
    }
  }
}
