import UQGraph
import UQNumerics
import UQRuntime
import UQSupport

/// Call of `uq_binary_conv2d_s8`: signs by weights of ±1.
public struct BinaryConv2DKernel: Kernel {
  /// Extents and window.
  public var geometry: ImageGeometry
  /// What taps outside of the image read: 0, +1 or −1.
  public var padSign: Int
  /// Weights, bias, scales and thresholds.
  public var layer: BinaryLayer
  /// Zero point, bounds and rounding of the output.
  public var outputStage: OutputStage
  /// Image `[H, W, C]`.
  public var input: BufferID
  /// Image `[H', W', O]`.
  public var output: BufferID
  /// ``scratchBytes`` bytes.
  public var scratchBuffer: BufferID?

  /// Creates a call, without its scratch memory.
  public init(
    geometry: ImageGeometry, padSign: Int, layer: BinaryLayer, outputStage: OutputStage,
    input: BufferID, output: BufferID
  ) {
    self.geometry = geometry
    self.padSign = padSign
    self.layer = layer
    self.outputStage = outputStage
    self.input = input
    self.output = output
  }

  /// Bytes of scratch memory that the call needs.
  public var scratchBytes: Int {
    var parameters = parameters
    return Int(uq_binary_conv2d_scratch_bytes(&parameters))
  }

  /// The C function.
  public var symbol: String { "uq_binary_conv2d_s8" }
  /// The header.
  public var header: String { "uq_binary_conv2d.h" }
  /// The source.
  public var source: String { "uq_binary_conv2d.c" }

  /// Parameters, input, thresholds, weights, bias, multipliers, shifts, output, scratch.
  public var arguments: [CArgument] {
    let input = geometry.input
    let output = geometry.output
    let extents = [
      CField("in_h", input[0]), CField("in_w", input[1]), CField("in_c", input[2]),
      CField("out_h", output[0]), CField("out_w", output[1]), CField("out_c", output[2]),
    ]
    let rest = [
      CField("pad_sign", padSign), CField("threshold", layer.threshold),
      CField("fraction_bits", layer.fractionBits), outputStage.field,
    ]
    return [
      .structure(
        type: "uq_binary_conv2d_params", fields: extents + geometry.windowFields + rest),
      .read(self.input), layer.thresholds.map { .constant($0) } ?? .null,
      .constant(layer.weights), .constant(layer.bias), .constant(layer.multipliers),
      .constant(layer.shifts), .write(self.output), scratchBuffer.map { .scratch($0) } ?? .null,
    ]
  }

  private var parameters: uq_binary_conv2d_params {
    let window = geometry.window
    return uq_binary_conv2d_params(
      in_h: Int32(geometry.input[0]), in_w: Int32(geometry.input[1]),
      in_c: Int32(geometry.input[2]), out_h: Int32(geometry.output[0]),
      out_w: Int32(geometry.output[1]), out_c: Int32(geometry.output[2]),
      kernel_h: Int32(window.kernel[0]), kernel_w: Int32(window.kernel[1]),
      stride_h: Int32(window.strides[0]), stride_w: Int32(window.strides[1]),
      dilation_h: Int32(window.dilations[0]), dilation_w: Int32(window.dilations[1]),
      pad_top: Int32(window.padding[0]), pad_left: Int32(window.padding[1]),
      pad_sign: Int32(padSign), threshold: Int32(layer.threshold),
      fraction_bits: Int32(layer.fractionBits), output: outputStage.parameters)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = parameters
    uq_binary_conv2d_s8(
      &parameters, memory.pointer(input), memory.pointer(layer.thresholds),
      memory.pointer(layer.weights), memory.pointer(layer.bias),
      memory.pointer(layer.multipliers), memory.pointer(layer.shifts), memory.pointer(output),
      memory.pointer(scratchBuffer))
  }
}

/// The constants of a layer `y[o] = requantize(bias[o] + 2^f · Σ w[o] · s(x))` of weights and signs ±1.
public struct BinaryLayer: Sendable, Hashable {
  /// Packed weights, 1 bit each.
  public var weights: ConstantID
  /// int32 for each output channel.
  public var bias: ConstantID
  /// int32 for each output channel.
  public var multipliers: ConstantID
  /// uint8 for each output channel.
  public var shifts: ConstantID
  /// int16 for each input channel; `nil` where ``threshold`` serves all.
  public var thresholds: ConstantID?
  /// The integer of the input from which on it counts as +1.
  public var threshold: Int
  /// Binary places of the bias.
  public var fractionBits: Int
}

extension LoweringContext {
  /// Adds the constants of a layer of signs.
  ///
  /// The bias has as many binary places `f ≤ 12` as keep `|bias| + 2^f · K < 2^31`. A result that is a
  /// sign is `clamp(2 (acc − t) + 1, −1, 1)` with the smallest whole `t` for which `scale · t + bias ≥ 0`.
  ///
  /// - Parameters:
  ///   - weights: `[O, K]`, by their signs.
  ///   - scale: above 0, for each output channel.
  ///   - thresholds: for each input channel.
  /// - Throws: `lower.binary_conv2d.weights`, `.overflow`, `.scale`.
  /// - Complexity: O(weights).
  public mutating func addBinaryLayer(
    weights: [Double], scale: [Double], bias: [Double], thresholds: [Double], signsResult: Bool,
    input: Quantization, output: Quantization
  ) throws(Diagnostic) -> BinaryLayer {
    let id = "binary_conv2d"
    let channels = scale.count
    guard channels > 0, !thresholds.isEmpty, weights.count % (channels * thresholds.count) == 0,
      (scale + bias).allSatisfy(\.isFinite), scale.allSatisfy({ $0 > 0 }),
      !thresholds.contains(where: \.isNaN), weights.count / channels < 1 << 24
    else {
      throw Diagnostic(
        id: "lower.\(id).weights",
        "\(weights.count) weights for \(channels) channels, or a scale that is not above 0",
        at: place)
    }
    let reach = weights.count / channels
    var fractionBits = 1
    var integers: [Int32] = []
    var factors = [Double](repeating: 1, count: channels)
    if signsResult {
      integers = zip(scale, bias).map { Int32(1 - 2 * signThreshold($0, $1, reach)) }
    } else {
      let largest = zip(scale, bias).reduce(0) { max($0, ($1.1 / $1.0).magnitude) }
      fractionBits = 12
      while fractionBits > 0, (Double(reach) + largest + 1) * Double(1 << fractionBits) >= 0x1p31 {
        fractionBits -= 1
      }
      guard Double(reach) + largest + 1 < 0x1p31 else {
        throw Diagnostic(
          id: "lower.\(id).overflow", "a bias is \(largest) times its channel's scale", at: place)
      }
      let unit = Double(1 << fractionBits)
      integers = zip(scale, bias).map { Int32(($1 / $0 * unit).rounded()) }
      factors = scale.map { $0 / (unit * output.scale) }
    }
    let requantized = try addMultipliers(id, factors)
    let name = place.node ?? ""
    let limits = thresholds.map { value -> Int16 in
      let steps = (value / input.scale).rounded(.up) + Double(input.zeroPoint)
      return Int16(min(max(steps, Double(input.lowest)), Double(input.highest) + 1))
    }
    let isUniform = limits.allSatisfy { $0 == limits[0] }
    let packed = WeightPacking.pack(
      weights.map { $0 < 0 ? -1 : 1 }, rowLength: thresholds.count, bits: 1)
    return BinaryLayer(
      weights: addConstant(
        ProgramConstant(name: "\(name) weights", role: .weights, packed, bits: 1)),
      bias: addConstant(ProgramConstant(name: "\(name) bias", role: .bias, integers)),
      multipliers: requantized.multipliers, shifts: requantized.shifts,
      thresholds: isUniform
        ? nil : addConstant(ProgramConstant(name: "\(name) thresholds", role: .scales, limits)),
      threshold: Int(limits[0]), fractionBits: fractionBits)
  }

  /// The smallest whole `t` in −reach...reach + 1 with `scale · t + bias ≥ 0`, as `Double` has it.
  private func signThreshold(_ scale: Double, _ bias: Double, _ reach: Int) -> Int {
    let guess = (-bias / scale).rounded(.up)
    var t = Int(min(max(guess, Double(-reach)), Double(reach + 1)))
    while t > -reach, scale * Double(t - 1) + bias >= 0 { t -= 1 }
    while t <= reach, scale * Double(t) + bias < 0 { t += 1 }
    return t
  }
}
