import UQKernels

/// Rounds the scales of a channel's groups to what the kernels take (``GroupScales``), none of them to 0.
///
/// With shifts only, the largest scale becomes a power of two: the next one below or above it.
enum DeviceScales {
  /// How much larger the least scale of a channel with groups is: its bias is multiplied by a factor of 8
  /// bits.
  static let floorFactor = 128.0

  /// The roundings of finite scales, best first; none where the largest would fall below `floor`.
  static func roundings(_ scales: [Double], powerOfTwo: Bool, floor: Double) -> [[Double]] {
    let largest = scales.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0, largest.isFinite, scales.allSatisfy(\.isFinite) else { return [] }
    guard powerOfTwo else {
      return largest < floor ? [] : [rounded(scales, largest: largest, .single)]
    }
    let below = Double(sign: .plus, exponent: Int(largest.exponent), significand: 1)
    let candidates = largest == below ? [below] : [below, 2 * below]
    return candidates.filter { $0 >= floor }.map { rounded(scales, largest: $0, .shift) }
  }

  private static func rounded(_ scales: [Double], largest: Double, _ rounding: Rounding)
    -> [Double]
  {
    let unit = Double(GroupScales.unit(rounding))
    let most = scales.reduce(0) { max($0, $1.magnitude) }
    let legal = scales.map { scale -> Double in
      // Whichever was largest has to be the largest still, for the step to be what it is.
      let magnitude = scale.magnitude == most ? largest : scale.magnitude
      let bounded = min(max(magnitude, largest / unit), largest)
      return scale < 0 ? -bounded : bounded
    }
    let found = GroupScales(legal, rounding: rounding)
    return found.factors.map { found.step * Double($0) }
  }
}
