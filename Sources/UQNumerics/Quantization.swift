/// How integers stand for real numbers: `real = scale · (integer − zeroPoint)`.
///
/// The integers of a weight tensor are `bits` wide and packed as small in flash; those of an activation
/// are 4, 8 or 16 bits wide, and those of 4 are packed in the arena where all kernels take them so. Bits,
/// group size and packing are part of a tensor's type.
public struct Quantization: Hashable, Codable, Sendable {
  /// Width of the integers: 8, 4, 3, 2 or 1 for weights; 4, 8 or 16 for activations; 32 for biases.
  public var bits: Int
  /// One scale (per tensor) or one for each index of `axis` (per channel); never 0, never NaN.
  ///
  /// A channel's scale may be negative: the channel then uses the mirrored range.
  public var scales: [Double]
  /// The integer that stands for 0; 0 for weights.
  public var zeroPoint: Int
  /// The axis that `scales` runs along; `nil` for one scale.
  public var axis: Int?
  /// Input channels that share a scale within a channel; `nil` where the whole channel does.
  public var groupSize: Int?

  /// Creates a quantization.
  public init(
    bits: Int, scales: [Double], zeroPoint: Int = 0, axis: Int? = nil, groupSize: Int? = nil
  ) {
    self.bits = bits
    self.scales = scales
    self.zeroPoint = zeroPoint
    self.axis = axis
    self.groupSize = groupSize
  }

  /// Bytes of an integer before packing.
  public var storageBytes: Int { (bits + 7) / 8 }

  /// The single scale of a per-tensor quantization.
  public var scale: Double { scales[0] }

  /// Smallest integer: `−2^(bits−1)`, but −1 for one bit, whose values are −1 and +1.
  public var lowest: Int { bits == 1 ? -1 : -(1 << (bits - 1)) }
  /// Largest integer: `2^(bits−1) − 1`, but +1 for one bit.
  public var highest: Int { bits == 1 ? 1 : (1 << (bits - 1)) - 1 }

  /// The integer for `real`: round to nearest, ties away from zero, saturated (per tensor).
  public func quantize(_ real: Double) -> Int {
    let scaled = (real / scale).rounded() + Double(zeroPoint)
    guard scaled == scaled else { return zeroPoint }
    return Int(min(max(scaled, Double(lowest)), Double(highest)))
  }

  /// `scale · (integer − zeroPoint)` (per tensor).
  public func dequantize(_ integer: Int) -> Double { scale * Double(integer - zeroPoint) }
}
