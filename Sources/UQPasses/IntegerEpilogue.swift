import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// What happens to the int32 accumulators of a layer on the way to 8 bits, step by step:
/// `bound(z + round((acc + b) · factor))`.
struct IntegerEpilogue {
  /// Output channels.
  let channels: Int
  /// Added before the factor.
  private(set) var bias: [Int]
  /// Factors, once there are any.
  private(set) var factors: [FixedPointFactor]?
  /// How the factors round.
  private(set) var rounding = IntegerRounding.upward
  /// Added after the factor.
  private(set) var offset = 0
  /// Bounds of the result.
  private(set) var low = Int.min
  /// Bounds of the result.
  private(set) var high = Int.max
  /// Whether a narrowing takes the result modulo 2^8.
  private(set) var wraps = false
  /// Type that the accumulators became.
  private(set) var element = ElementType.int32
  /// Bounds on accumulators, which the factors have still to bring to the result's scale.
  private var early: ClosedRange<Int>?
  /// Half steps that were folded into the bias, for shifts that do not round.
  private var folded: [Int]

  init(channels: Int) {
    self.channels = channels
    bias = [Int](repeating: 0, count: channels)
    folded = bias
  }

  /// Whether the result is of 8 bits.
  var isNarrow: Bool { element == .int8 || element == .uint8 }

  /// Takes a step in; `false` where it is none that layers do.
  ///
  /// - Parameters:
  ///   - constant: the constant operand, if there is one.
  ///   - channelAxis: the axis of output channels in the operand, if there still is one.
  mutating func absorb(
    _ node: Node, constant: (tensor: Tensor, position: Int)?, shape: Shape, channelAxis: Int?
  ) -> Bool {
    let values = constant.flatMap { perChannel($0.tensor, shape, channelAxis) }
    switch node.op {
    case let op as Add where op.activation.isNone:
      guard let values else { return false }
      return add(values)
    case let op as Subtract where op.activation.isNone:
      guard let values, constant?.position == 1 else { return false }
      return add(values.map { -$0 })
    case is RightShift:
      guard let values, constant?.position == 1, factors == nil, !isNarrow,
        values.allSatisfy({ (0...31).contains($0) })
      else { return false }
      let bounds = early
      guard scale(bounds: bounds, { value, channel in value >> values[channel] }) else {
        return false
      }
      factors = values.map { FixedPointFactor(multiplier: 1 << 30, shift: 1 - $0) }
      for (channel, shift) in values.enumerated() where shift > 0 {
        folded[channel] = 1 << (shift - 1)
      }
      return true
    case let op as FixedPointMultiply:
      guard factors == nil, !isNarrow, let all = spread(op.factors, op.axis, channelAxis) else {
        return false
      }
      guard
        scale(
          bounds: early,
          { value, channel in
            Int(all[channel].apply(Int32(clamping: value), .upward))
          })
      else { return false }
      factors = all
      return true
    case let op as Requantize: return absorb(op, channelAxis)
    case is Maximum:
      guard let value = values?.first, values?.allSatisfy({ $0 == value }) == true else {
        return false
      }
      return bound(value...Int.max)
    case is Minimum:
      guard let value = values?.first, values?.allSatisfy({ $0 == value }) == true else {
        return false
      }
      return bound(Int.min...value)
    case let op as Cast: return cast(op.element)
    default: return false
    }
  }

  private mutating func absorb(_ op: Requantize, _ channelAxis: Int?) -> Bool {
    guard !isNarrow, op.arithmetic == .int64,
      op.element == .int8 || op.element == .uint8
        || op.element == .int32,
      let zeros = spread(op.inputZeroPoints, op.axis, channelAxis), add(zeros.map { -$0 })
    else { return false }
    if op.isScaled {
      guard factors == nil, let all = spread(op.factors, op.axis, channelAxis) else { return false }
      let rule = op.rounding
      guard
        scale(
          bounds: early,
          { value, channel in
            Int(all[channel].apply(Int32(clamping: value), rule))
          })
      else { return false }
      factors = all
      rounding = rule
    }
    guard add([Int](repeating: op.outputZeroPoint, count: channels)) else { return false }
    guard op.element != .int32 else { return true }
    let range = op.element == .int8 ? -128...127 : 0...255
    return bound(range) && cast(op.element)
  }

  private mutating func add(_ values: [Int]) -> Bool {
    guard !isNarrow, values.allSatisfy({ $0.magnitude < 1 << 31 }) else { return false }
    if factors == nil {
      guard early == nil || values.allSatisfy({ $0 == 0 }) else { return false }
      for channel in 0..<channels { bias[channel] += values[channel] }
      return true
    }
    guard values.allSatisfy({ $0 == values[0] }) else { return false }
    offset += values[0]
    if low != .min { low += values[0] }
    if high != .max { high += values[0] }
    return true
  }

  private mutating func bound(_ range: ClosedRange<Int>) -> Bool {
    if factors == nil, !isNarrow {
      let old = early ?? Int.min...Int.max
      let lower = min(max(old.lowerBound, range.lowerBound), range.upperBound)
      early = lower...max(min(max(old.upperBound, range.lowerBound), range.upperBound), lower)
      return true
    }
    guard !wraps else {
      return range.lowerBound <= resultRange.lowerBound
        && range.upperBound >= resultRange.upperBound
    }
    low = min(max(low, range.lowerBound), range.upperBound)
    high = min(max(high, range.lowerBound), range.upperBound)
    return true
  }

  private mutating func cast(_ target: ElementType) -> Bool {
    if target == element { return true }
    guard element == .int32, target == .int8 || target == .uint8 else { return false }
    if factors == nil {
      // A factor of 1, so that bounds are those of the result.
      factors = [FixedPointFactor](
        repeating: FixedPointFactor(multiplier: 1 << 30, shift: 1), count: channels)
      low = early?.lowerBound ?? .min
      high = early?.upperBound ?? .max
    }
    element = target
    wraps = low < resultRange.lowerBound || high > resultRange.upperBound
    // Values that are bounded on one side only, or too widely, wrap after being bounded.
    return !wraps || (low == .min && high == .max)
  }

  private var resultRange: ClosedRange<Int> { element == .uint8 ? 0...255 : -128...127 }

  /// Brings bounds on accumulators to the result's scale: rounding is monotonic.
  private mutating func scale(bounds: ClosedRange<Int>?, _ map: (Int, Int) -> Int) -> Bool {
    guard let bounds else { return true }
    for (isLow, bound) in [(true, bounds.lowerBound), (false, bounds.upperBound)] {
      if bound == .min || bound == .max { continue }
      let values = Set((0..<channels).map { map(bound, $0) })
      guard values.count == 1, let value = values.first else { return false }
      if isLow { low = value } else { high = value }
    }
    early = nil
    return true
  }

  private func perChannel(_ tensor: Tensor, _ shape: Shape, _ axis: Int?) -> [Int]? {
    guard tensor.element.isInteger, tensor.shape.rank <= shape.rank else { return nil }
    let values = tensor.integers
    if let first = values.first, values.allSatisfy({ $0 == first }) {
      return [Int](repeating: first, count: channels)
    }
    guard let axis else { return nil }
    let own = axis - (shape.rank - tensor.shape.rank)
    guard own >= 0, tensor.shape[own] == channels, tensor.count == channels else { return nil }
    return values
  }

  private func spread<T>(_ values: [T], _ axis: Int?, _ channelAxis: Int?) -> [T]? {
    if values.count == 1 { return [T](repeating: values[0], count: channels) }
    return values.count == channels && axis == channelAxis ? values : nil
  }

  /// The layer's constants, once the result is of 8 bits: the result as int8, 128 less for uint8.
  ///
  /// - Parameter reach: for each channel, the largest magnitude that sums without bias have.
  /// - Returns: `nil` where 32 bits or the kernels' numbers do not hold what comes up.
  func finished(reach: [Int]) -> (bias: [Int32], make: (inout IntegerLayer) -> Void)? {
    guard isNarrow, let factors else { return nil }
    let shift = element == .uint8 ? 128 : 0
    var multipliers: [Int32] = []
    var shifts: [Int] = []
    for (channel, factor) in factors.enumerated() {
      let largest = reach[channel] + Int(bias[channel].magnitude)
      guard largest < 1 << 31, factor.multiplier >= 0 else { return nil }
      guard factor.multiplier > 0 else {
        multipliers.append(0)
        shifts.append(33)
        continue
      }
      let leading = factor.multiplier.leadingZeroBitCount - 1
      let right = 31 - factor.shift + leading
      guard right >= 1, right <= 62 else {
        // Nothing of 32 bits remains after a shift by more than 62.
        guard right > 62 else { return nil }
        multipliers.append(0)
        shifts.append(33)
        continue
      }
      let multiplier = factor.multiplier << Int32(leading)
      guard
        Double(largest) * Double(multiplier) / Double(sign: .plus, exponent: right, significand: 1)
          < 0x1p30
      else { return nil }
      multipliers.append(multiplier)
      shifts.append(right)
    }
    var biases: [Int32] = []
    for (channel, value) in bias.enumerated() {
      guard let exact = Int32(exactly: value - folded[channel]) else { return nil }
      biases.append(exact)
    }
    let isShift =
      rounding == .upward
      && zip(multipliers, shifts).allSatisfy { $0 == 1 << 30 && (30...61).contains($1) }
    let (low, high, offset, wraps) = (self.low, self.high, self.offset, self.wraps)
    let rule: IntegerLayer.Rounding =
      isShift ? .shift : rounding == .awayFromZero ? .awayFromZero : .single
    return (
      biases,
      { layer in
        layer.multipliers = multipliers
        layer.shifts = isShift ? shifts.map { $0 - 30 } : shifts
        layer.rounding = rule
        layer.outputZeroPoint = offset - shift
        layer.low = wraps ? -128 : low - shift
        layer.high = wraps ? 127 : high - shift
        layer.wraps = wraps
      }
    )
  }
}
