import UQGraph

/// Bounds of all elements of a channel; equal where the channel is constant.
struct ChannelRange: Equatable {
  var low: Double
  var high: Double

  /// No bounds.
  static let unknown = ChannelRange(low: -.infinity, high: .infinity)

  /// One value everywhere.
  static func constant(_ value: Double) -> ChannelRange { ChannelRange(low: value, high: value) }

  /// The value, where there is only one.
  var constant: Double? { low == high && low.isFinite ? low : nil }

  /// Bounds of elements of either.
  func hull(_ other: ChannelRange) -> ChannelRange {
    ChannelRange(low: min(low, other.low), high: max(high, other.high))
  }

  /// Bounds of sums.
  static func + (a: ChannelRange, b: ChannelRange) -> ChannelRange {
    ChannelRange(low: a.low + b.low, high: a.high + b.high).checked
  }

  /// Bounds of negated elements.
  static prefix func - (a: ChannelRange) -> ChannelRange {
    ChannelRange(low: -a.high, high: -a.low)
  }

  /// Bounds of products; 0 times anything is 0, as elements are finite.
  static func * (a: ChannelRange, b: ChannelRange) -> ChannelRange {
    let pairs: [(Double, Double)] = [
      (a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high),
    ]
    let products = pairs.map { (x: Double, y: Double) -> Double in x == 0 || y == 0 ? 0 : x * y }
    return ChannelRange(
      low: products.reduce(.infinity, min), high: products.reduce(-.infinity, max)
    ).checked
  }

  /// Bounds of the elements times a number.
  @inline(__always)
  func scaled(by factor: Double) -> ChannelRange {
    if factor == 0 { return .constant(0) }
    return factor > 0
      ? ChannelRange(low: low * factor, high: high * factor)
      : ChannelRange(low: high * factor, high: low * factor)
  }

  /// Bounds after clamping.
  func clamped(_ clamp: Clamp) -> ChannelRange {
    let (bottom, top) = (Double(clamp.low), Double(clamp.high))
    return ChannelRange(low: min(max(low, bottom), top), high: min(max(high, bottom), top)).checked
  }

  private var checked: ChannelRange {
    low.isNaN || high.isNaN || low > high ? .unknown : self
  }
}
