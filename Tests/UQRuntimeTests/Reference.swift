import UQRuntime
import UQSupport

/// What the kernels must compute, written once more in wide arithmetic and without any short cut.
enum Reference {
  /// `floor(numerator / 2^shift)`.
  private static func floorShift(_ numerator: Int128, _ shift: Int) -> Int128 {
    let divisor = Int128(1) << Int128(shift)
    let quotient = numerator / divisor
    return numerator % divisor < 0 ? quotient - 1 : quotient
  }

  /// `acc · m / 2^s`, rounded as Documentation/Arithmetic.md says.
  static func requantize(_ acc: Int, _ multiplier: Int, _ shift: Int, _ rounding: Int) -> Int {
    let result: Int128
    switch rounding {
    case UQ_ROUNDING_SINGLE:
      let product = Int128(acc) * Int128(multiplier)
      result = floorShift(product + Int128(1) << Int128(shift - 1), shift)
    case UQ_ROUNDING_DOUBLE:
      let limit = Int128(Int32.max)
      let left = Int128(acc) << Int128(max(31 - shift, 0))
      let product = min(max(left, -limit - 1), limit) * Int128(multiplier)
      let high = min(floorShift(product + Int128(1) << 30, 31), limit)
      let right = max(shift - 31, 0)
      // Ties away from zero.
      let half = (Int128(1) << Int128(right)) / 2
      result = high < 0 ? -floorShift(-high + half, right) : floorShift(high + half, right)
    case UQ_ROUNDING_AWAY:
      let product = Int128(acc) * Int128(multiplier)
      let half = Int128(1) << Int128(shift - 1)
      result = product < 0 ? -floorShift(half - product, shift) : floorShift(product + half, shift)
    case UQ_ROUNDING_TRUNCATE:
      result = Int128(acc) * Int128(multiplier) / (Int128(1) << Int128(shift))
    default:
      let signed = Int128(acc) * Int128(multiplier.signum())
      result = shift == 0 ? signed : floorShift(signed + Int128(1) << Int128(shift - 1), shift)
    }
    let limit = Int128(1) << 30
    return Int(min(max(result, -limit), limit))
  }

  static func output(_ output: uq_output, _ acc: Int, _ multiplier: Int32, _ shift: Int) -> Int {
    let value = requantize(acc, Int(multiplier), shift, Int(output.rounding))
    return min(max(value + Int(output.zero_point), Int(output.min)), Int(output.max))
  }
}

/// Weights packed as uq_weights.h says, from the text of that header.
func packed(_ rows: [[Int]], bits: Int) -> [UInt8] {
  var bytes: [UInt8] = []
  for row in rows {
    var line = [UInt8](repeating: 0, count: (row.count * bits + 7) / 8)
    for (index, weight) in row.enumerated() {
      let field = bits == 1 ? (weight < 0 ? 1 : 0) : weight & ((1 << bits) - 1)
      for bit in 0..<bits where field >> bit & 1 == 1 {
        line[(index * bits + bit) / 8] |= 1 << UInt8((index * bits + bit) % 8)
      }
    }
    bytes += line
  }
  return bytes
}

/// Random operands of kernels.
struct Operands {
  var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func int(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }

  mutating func bytes(_ count: Int) -> [Int8] {
    (0..<count).map { _ in Int8(int(-128...127)) }
  }

  /// Weights of `bits` bits; every fourth row takes the extreme values only.
  mutating func weights(rows: Int, depth: Int, bits: Int) -> [[Int]] {
    let low = bits == 1 ? -1 : -(1 << (bits - 1))
    let high = bits == 1 ? 1 : (1 << (bits - 1)) - 1
    return (0..<rows).map { _ in
      let isExtreme = int(0...3) == 0
      return (0..<depth).map { _ in
        if bits == 1 || isExtreme { return int(0...1) == 0 ? low : high }
        return int(low...high)
      }
    }
  }

  mutating func output(rounding: Int, int16: Bool = false) -> uq_output {
    let limit = int16 ? 32767 : 127
    let low = int(0...2) == 0 ? int((-limit - 1)...0) : -limit - 1
    let high = int(0...2) == 0 ? int(0...limit) : limit
    return uq_output(
      zero_point: Int32(int(-100...100)), min: Int32(low), max: Int32(high),
      rounding: Int32(rounding))
  }

  /// A multiplier and shift that bring accumulators of size `magnitude` to some 100, mostly.
  mutating func scale(_ magnitude: Int, rounding: Int, to size: Int = 100) -> (Int32, UInt8) {
    var multiplier = int((1 << 30)...(1 << 31 - 1))
    if int(0...2) == 0 { multiplier = -multiplier }
    if int(0...30) == 0 { multiplier = 0 }
    var shift = rounding == UQ_ROUNDING_SHIFT ? 0 : 31
    var left = magnitude
    while left > size {
      left /= 2
      shift += 1
    }
    shift += int(-2...2)
    if int(0...15) == 0 { shift = int(1...62) }
    let limits = rounding == UQ_ROUNDING_SHIFT ? 0...31 : 1...62
    return (
      Int32(multiplier), UInt8(min(max(shift, limits.lowerBound), limits.upperBound))
    )
  }

  /// Per-channel constants for rows of weights: biases up to the edge of what may not overflow.
  mutating func channels(
    _ weights: [[Int]], rounding: Int, to size: Int = 100
  ) -> (bias: [Int32], multipliers: [Int32], shifts: [UInt8]) {
    var result: (bias: [Int32], multipliers: [Int32], shifts: [UInt8]) = ([], [], [])
    for row in weights {
      let reach = 128 * row.reduce(0) { $0 + abs($1) }
      let isExtreme = int(0...5) == 0
      let room = isExtreme ? Int(Int32.max) - reach : min(reach, Int(Int32.max) - reach)
      let bias = isExtreme ? (int(0...1) == 0 ? room : -room) : int(-room...room)
      let typical = abs(bias) + reach / max(4, row.count / 8)
      let (multiplier, shift) = scale(typical, rounding: rounding, to: size)
      result.bias.append(Int32(bias))
      result.multipliers.append(multiplier)
      result.shifts.append(shift)
    }
    return result
  }
}

/// The roundings that every kernel is tried with.
let roundings = [
  UQ_ROUNDING_SINGLE, UQ_ROUNDING_DOUBLE, UQ_ROUNDING_SHIFT, UQ_ROUNDING_AWAY,
  UQ_ROUNDING_TRUNCATE,
].map { Int($0) }
/// The widths of weights.
let widths = [8, 4, 3, 2, 1]
