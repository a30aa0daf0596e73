import UQGraph
import UQNumerics
import UQSupport

/// The constants of a layer `y[o] = requantize(bias[o] + Σ w[o] · x)`.
public struct RequantizedLayer: Sendable, Hashable {
  /// Packed weights.
  public var weights: ConstantID
  /// Width of the weights.
  public var bits: Int
  /// int32 for each output channel, the input's zero point folded in.
  public var bias: ConstantID
  /// int32 for each output channel; `nil` where rounding is by shifts and all factors are positive.
  ///
  /// Kernels of int8 images with one scale for a channel take `nil`, others do not.
  public var multipliers: ConstantID?
  /// uint8 for each output channel.
  public var shifts: ConstantID
  /// Scales of groups of input channels; `nil` where a channel has one.
  public var groups: WeightGroups?
  /// Binary places by which sums are rounded before they are scaled; above 0 they are int64.
  public var accumulatorShift = 0

  /// Collects constants that were added to a program.
  public init(
    weights: ConstantID, bits: Int, bias: ConstantID, multipliers: ConstantID?, shifts: ConstantID,
    groups: WeightGroups? = nil
  ) {
    self.weights = weights
    self.bits = bits
    self.bias = bias
    self.multipliers = multipliers
    self.shifts = shifts
    self.groups = groups
  }

  /// Parameters, group size, input, weights, group factors, bias, multipliers, shifts, output; those of
  /// groups only where there are any.
  func arguments(_ parameters: CArgument, _ input: BufferID, _ output: BufferID) -> [CArgument] {
    let size = groups.map { [CArgument.integer($0.size)] } ?? []
    let factors = groups.map { [CArgument.constant($0.factors)] } ?? []
    return [parameters] + size + [.read(input), .constant(weights)] + factors + [
      .constant(bias), multipliers.map { .constant($0) } ?? .null, .constant(shifts),
      .write(output),
    ]
  }
}

/// Order of a weight tensor's elements.
public enum WeightOrder: Sendable, Hashable {
  /// `[O, ...]`: the output channel is the outermost axis and a packed row.
  case channelRows
  /// `[..., O]`: the output channel is the innermost axis, a packed row holds one weight of each.
  case tapRows
}

extension LoweringContext {
  /// Adds the constants of a layer with quantized weights and proves that its sums fit in 32 bits.
  ///
  /// With input zero point `zx` the folded bias is `b − zx · Σ w`. All partial sums of int8 inputs stay
  /// within `|b'| + 128 · Σ |w| < 2^31`.
  ///
  /// - Parameters:
  ///   - takesGroups: whether there is a kernel for scales of groups of input channels.
  ///   - takesWideSums: whether the kernel has int64 sums for what does not fit.
  /// - Throws: `lower.<id>.weights`, `.bias`, `.overflow`, `.scale`; `lower.value.unquantized`.
  /// - Complexity: O(weights).
  public mutating func addRequantizedLayer(
    _ id: String, x: ValueID, weights: ValueID?, bias: ValueID?, result: ValueID,
    order: WeightOrder, takesGroups: Bool = false, takesWideSums: Bool = false
  ) throws(Diagnostic) -> RequantizedLayer {
    guard let weights, let tensor = graph.constant(weights), tensor.element == .int8,
      let inner = order == .channelRows ? tensor.shape.first : tensor.shape.last, inner > 0,
      tensor.count > 0
    else {
      throw Diagnostic(
        id: "lower.\(id).weights", "weights are not a constant of int8 elements", at: place)
    }
    let channels = inner
    let quantization = try self.quantization(of: weights)
    let input = try self.quantization(of: x)
    let output = try self.quantization(of: result)
    let bits = quantization.bits
    if takesGroups, order == .channelRows, quantization.groupSize != nil {
      return try addGroupwiseLayer(
        id, tensor, quantization, bias: bias, input: input, output: output)
    }
    guard WeightPacking.widths.contains(bits), quantization.zeroPoint == 0,
      quantization.groupSize == nil,
      quantization.scales.count == 1 || quantization.scales.count == channels
    else {
      throw Diagnostic(
        id: "lower.\(id).weights",
        "weights of \(bits) bits, zero point \(quantization.zeroPoint), "
          + "\(quantization.scales.count) scales for \(channels) channels, groups of "
          + "\(quantization.groupSize.map(String.init) ?? "all"): no kernel reads them", at: place)
    }
    let rowLength = order == .channelRows ? tensor.count / channels : channels
    let values = tensor.elements(Int8.self)
    let sums = channelSums(values, channels, order)
    let range = quantization.lowest...quantization.highest
    if let stray = values.first(where: { !range.contains(Int($0)) || (bits == 1 && $0 == 0) }) {
      throw Diagnostic(
        id: "lower.\(id).weights", "weight \(stray) is not one of \(bits) bits", at: place)
    }
    let biases = try biasValues(id, bias, channels)
    var folded: [Int32] = []
    var shift = 0
    for channel in 0..<channels {
      let total = biases[channel] - input.zeroPoint * sums[channel].signed
      let largest = (1 << (input.bits - 1)) * sums[channel].magnitude
      if takesWideSums, total.magnitude < 1 << 31 {
        while Int(total.magnitude) + largest + (1 << shift) / 2 >= 1 << (31 + shift) { shift += 1 }
      }
      guard total.magnitude < 1 << 31, shift > 0 || Int(total.magnitude) + largest < 1 << 31 else {
        throw Diagnostic(
          id: "lower.\(id).overflow",
          "channel \(channel): |bias| \(total.magnitude) + max|x| · Σ|w| \(largest) exceeds 2^31 − 1",
          at: place)
      }
      folded.append(Int32(total))
    }
    let factors = (0..<channels).map { channel in
      let index = quantization.scales.count == 1 ? 0 : channel
      let unit = Double(sign: .plus, exponent: shift, significand: 1)
      return unit * input.scale * quantization.scales[index] / output.scale
    }
    let takesNone = input.bits <= 8 && output.bits <= 8
    let scales = try addFactors(id, factors, takesNone: takesNone)
    let name = place.node ?? ""
    let constant =
      bits == 8
      ? ProgramConstant(name: "\(name) weights", role: .weights, values)
      : ProgramConstant(
        name: "\(name) weights", role: .weights,
        WeightPacking.pack(values, rowLength: rowLength, bits: bits), bits: bits)
    var layer = RequantizedLayer(
      weights: addConstant(constant), bits: bits,
      bias: addConstant(ProgramConstant(name: "\(name) bias", role: .bias, folded)),
      multipliers: scales.multipliers, shifts: scales.shifts)
    layer.accumulatorShift = shift
    return layer
  }

  /// Adds the multipliers and shifts that bring accumulators to the output's scale.
  ///
  /// - Parameter wanted: how they are rounded; `nil` as the whole program does.
  /// - Throws: `lower.<id>.scale` where a factor is not finite or 2^30 or more, or not a power of two
  ///   though rounding is by shifts only.
  public mutating func addMultipliers(
    _ id: String, _ factors: [Double], rounding wanted: Rounding? = nil
  ) throws(Diagnostic) -> (multipliers: ConstantID, shifts: ConstantID) {
    let fixed = try multipliers(id, factors, rounding: wanted)
    return (addMultipliers(fixed), addShifts(fixed))
  }

  /// Adds the same without multipliers where `takesNone` and their signs say nothing.
  private mutating func addFactors(
    _ id: String, _ factors: [Double], takesNone: Bool
  ) throws(Diagnostic) -> (multipliers: ConstantID?, shifts: ConstantID) {
    let fixed = try multipliers(id, factors, rounding: nil)
    let areNeedless = takesNone && rounding == .shift && fixed.allSatisfy { $0.mantissa > 0 }
    return (areNeedless ? nil : addMultipliers(fixed), addShifts(fixed))
  }

  private func multipliers(
    _ id: String, _ factors: [Double], rounding wanted: Rounding?
  ) throws(Diagnostic) -> [FixedPointMultiplier] {
    var fixed: [FixedPointMultiplier] = []
    for factor in factors { fixed.append(try multiplier(id, factor, rounding: wanted)) }
    return fixed
  }

  private mutating func addMultipliers(_ fixed: [FixedPointMultiplier]) -> ConstantID {
    addConstant(
      ProgramConstant(
        name: "\(place.node ?? "") multipliers", role: .scales, fixed.map(\.mantissa)))
  }

  private mutating func addShifts(_ fixed: [FixedPointMultiplier]) -> ConstantID {
    addConstant(
      ProgramConstant(
        name: "\(place.node ?? "") shifts", role: .scales, fixed.map { UInt8($0.shift) }))
  }

  /// The factor as the rounding in use wants it; for shifts only, its sign and `−log2 |factor|`.
  ///
  /// - Throws: `lower.<id>.scale`.
  public func multiplier(
    _ id: String, _ factor: Double, rounding wanted: Rounding? = nil
  ) throws(Diagnostic) -> FixedPointMultiplier {
    guard factor.isFinite, factor.magnitude < 0x1p30 else {
      throw Diagnostic(
        id: "lower.\(id).scale",
        "the factor \(factor) between the accumulator's and the result's scale is not below 2^30",
        at: place)
    }
    var fixed = FixedPointMultiplier(factor)
    guard wanted ?? rounding == .shift, factor != 0 else { return fixed }
    let shift = -Int(factor.exponent)
    guard factor.significand == 1, shift >= 0 else {
      throw Diagnostic(
        id: "lower.\(id).scale",
        "the factor \(factor) between scales is not 1 divided by a power of two, as rounding by "
          + "shifts needs", at: place)
    }
    // More than 31 bits to the right leave nothing of an accumulator.
    if shift > 31 { fixed.mantissa = 0 }
    fixed.shift = min(shift, 31)
    return fixed
  }

  func biasValues(
    _ id: String, _ bias: ValueID?, _ channels: Int
  ) throws(Diagnostic) -> [Int] {
    guard let bias else { return [Int](repeating: 0, count: channels) }
    guard let tensor = graph.constant(bias), tensor.element == .int32 || tensor.element == .int64,
      tensor.count == channels
    else {
      throw Diagnostic(
        id: "lower.\(id).bias",
        "bias '\(graph[bias].name)' \(graph[bias].type) is not a constant of \(channels) int32",
        at: place)
    }
    let values = tensor.integers
    // Beyond 2^40 the overflow proof fails anyway; its sums stay small this way.
    return values.map { max(min($0, 1 << 40), -(1 << 40)) }
  }
}

private func channelSums(
  _ values: [Int8], _ channels: Int, _ order: WeightOrder
) -> [(signed: Int, magnitude: Int)] {
  var sums = [(signed: Int, magnitude: Int)](repeating: (0, 0), count: channels)
  let depth = values.count / channels
  values.withUnsafeBufferPointer { values in
    sums.withUnsafeMutableBufferPointer { sums in
      for channel in 0..<channels {
        for k in 0..<depth {
          let at = order == .channelRows ? channel * depth + k : k * channels + channel
          let weight = Int(values[at])
          sums[channel].signed += weight
          sums[channel].magnitude += abs(weight)
        }
      }
    }
  }
  return sums
}
