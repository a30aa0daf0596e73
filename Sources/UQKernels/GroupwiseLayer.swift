import UQGraph
import UQNumerics
import UQSupport

/// Scales of groups of input channels (`uq_groupwise.h`).
public struct WeightGroups: Sendable, Hashable {
  /// Input channels that share a scale.
  public var size: Int
  /// int8 for each output channel and group.
  public var factors: ConstantID

  /// Names the factors that were added to a program.
  public init(size: Int, factors: ConstantID) {
    self.size = size
    self.factors = factors
  }
}

/// The scales of one output channel's groups as the kernels take them: `step · factors[g]`.
///
/// `step` is the largest magnitude divided by ``unit(_:)``, so a factor is off by at most half a step: a
/// group whose scale is below 1/254 of the largest counts as 0. Whoever chooses scales rounds them this
/// way first, so that what is simulated is what was optimised.
public struct GroupScales: Sendable, Hashable {
  /// Scale of the accumulator without that of the input; above 0.
  public var step: Double
  /// −127...127 for each group.
  public var factors: [Int]

  /// Rounds finite scales, ties away from zero; all factors are 0 where all scales are.
  public init(_ scales: some Collection<Double>, rounding: Rounding = .single) {
    let largest = scales.reduce(0) { max($0, $1.magnitude) }
    let unit = Double(Self.unit(rounding))
    guard largest > 0 else {
      step = 1
      factors = scales.map { _ in 0 }
      return
    }
    step = largest / unit
    factors = scales.map { Int(($0 / largest * unit).rounded()) }
  }

  /// Factor of a channel's largest scale: 127, or 64 where scales are powers of two.
  public static func unit(_ rounding: Rounding) -> Int { rounding == .shift ? 64 : 127 }
}

extension LoweringContext {
  /// Adds the constants of a layer whose weights have a scale for each group of input channels.
  ///
  /// `scales` of the weights are `[O, groups]`; the bias is at the scale `sx · max |scale|` of its
  /// channel. Proves `|b'| + 128 · Σ |factor| · Σ |w| < 2^31` with `b' = unit · b − zx · Σ factor · Σ w`.
  ///
  /// - Throws: `lower.<id>.weights`, `.bias`, `.overflow`, `.scale`.
  /// - Complexity: O(weights).
  mutating func addGroupwiseLayer(
    _ id: String, _ tensor: Tensor, _ quantization: Quantization, bias: ValueID?,
    input: Quantization, output: Quantization
  ) throws(Diagnostic) -> RequantizedLayer {
    let channels = tensor.shape[0]
    let depth = tensor.shape[tensor.shape.rank - 1]
    let size = min(quantization.groupSize ?? 0, depth)
    let groups = size > 0 ? (depth + size - 1) / size : 0
    guard [4, 3, 2].contains(quantization.bits), quantization.zeroPoint == 0, groups > 0,
      quantization.scales.count == channels * groups,
      quantization.scales.allSatisfy(\.isFinite)
    else {
      throw Diagnostic(
        id: "lower.\(id).weights",
        "weights of \(quantization.bits) bits, zero point \(quantization.zeroPoint), "
          + "\(quantization.scales.count) scales for \(channels) channels of \(groups) groups: "
          + "no kernel reads them", at: place)
    }
    let values = tensor.elements(Int8.self)
    let range = quantization.lowest...quantization.highest
    if let stray = values.first(where: { !range.contains(Int($0)) }) {
      throw Diagnostic(
        id: "lower.\(id).weights", "weight \(stray) is not one of \(quantization.bits) bits",
        at: place)
    }
    let scales = (0..<channels).map { channel in
      GroupScales(
        quantization.scales[channel * groups..<(channel + 1) * groups], rounding: rounding)
    }
    let folded = try groupwiseBiases(
      id, values, scales, try biasValues(id, bias, channels), depth: depth, size: size, input)
    let requantized = try addMultipliers(id, scales.map { input.scale * $0.step / output.scale })
    let name = place.node ?? ""
    let packed = WeightPacking.pack(
      values, rowLength: depth, groupSize: size, bits: quantization.bits)
    return RequantizedLayer(
      weights: addConstant(
        ProgramConstant(
          name: "\(name) weights", role: .weights, packed, bits: quantization.bits)),
      bits: quantization.bits,
      bias: addConstant(ProgramConstant(name: "\(name) bias", role: .bias, folded)),
      multipliers: requantized.multipliers, shifts: requantized.shifts,
      groups: WeightGroups(
        size: size,
        factors: addConstant(
          ProgramConstant(
            name: "\(name) group scales", role: .groupScales,
            scales.flatMap { $0.factors.map { Int8($0) } }))))
  }

  private func groupwiseBiases(
    _ id: String, _ values: [Int8], _ scales: [GroupScales], _ biases: [Int], depth: Int,
    size: Int, _ input: Quantization
  ) throws(Diagnostic) -> [Int32] {
    let rowLength = values.count / scales.count
    let reach = 1 << (input.bits - 1)
    var folded: [Int32] = []
    for (channel, scale) in scales.enumerated() {
      var (sum, magnitude) = (0, 0)
      for k in 0..<rowLength {
        let weight = Int(values[channel * rowLength + k])
        let factor = scale.factors[k % depth / size]
        sum += factor * weight
        magnitude += abs(factor * weight)
      }
      let total = GroupScales.unit(rounding) * biases[channel] - input.zeroPoint * sum
      let largest = reach * magnitude
      guard total.magnitude < 1 << 31, Int(total.magnitude) + largest < 1 << 31 else {
        throw Diagnostic(
          id: "lower.\(id).overflow",
          "channel \(channel): |bias| \(total.magnitude) + max|x| · Σ|factor · w| \(largest) exceeds "
            + "2^31 − 1", at: place)
      }
      folded.append(Int32(total))
    }
    return folded
  }
}
