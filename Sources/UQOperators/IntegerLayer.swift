import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// A layer of int8 numbers whose arithmetic the model itself spells out: convolution or matrix
/// product, bias, fixed-point factor or shift, zero point, and bounds or wrapping.
///
/// `y = bound(z + round((b + Σ w (x − zx)) · m / 2^s))`, computed by the kernels of quantized layers,
/// with no scale or range of anyone else's choosing. Made by the compilation of integer graphs.
public struct IntegerLayer: Operator {
  /// How an accumulator is rounded.
  public enum Rounding: String, Hashable, Codable, Sendable {
    /// `(acc · m + 2^(s−1)) >> s`.
    case single
    /// `(acc + 2^(s−1)) >> s`: no multiplication.
    case shift
    /// To nearest, ties away from zero.
    case awayFromZero
  }

  /// Geometry; `nil` for a matrix product.
  public var window: Window2D?
  /// Groups of a convolution; as many as channels for a depthwise one.
  public var groups: Int
  /// Integer of x that stands for 0.
  public var inputZeroPoint: Int
  /// Mantissa for each output channel, 2^30 to 2^31 − 1 or 0.
  public var multipliers: [Int32]
  /// Right shift for each output channel.
  public var shifts: [Int]
  /// How an accumulator is rounded.
  public var rounding: Rounding
  /// What is added at the end.
  public var outputZeroPoint: Int
  /// Smallest result.
  public var low: Int
  /// Largest result.
  public var high: Int
  /// Whether the result is taken modulo 2^8 instead of being bounded.
  public var wraps: Bool

  /// Creates a layer that passes its sums on, bounded to int8.
  public init(window: Window2D?, groups: Int, inputZeroPoint: Int) {
    self.window = window
    self.groups = groups
    self.inputZeroPoint = inputZeroPoint
    multipliers = []
    shifts = []
    rounding = .shift
    outputZeroPoint = 0
    low = -128
    high = 127
    wraps = false
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "integer_layer", "Convolution or matrix product of int8 with the model's own rounding.",
    operands: [
      OperandSpec("x"), OperandSpec("weights", .parameter), OperandSpec("bias", .parameter),
    ])

  /// `[N, H', W', O]` or `[..., O]`, int8.
  ///
  /// - Throws: what ``IntegerConv2D`` and ``IntegerMatrixProduct`` throw; `shape.integer_layer.*`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("integer_layer", operands)
    let x = try types.required(0, "x")
    let weights = try types.required(1, "weights")
    let bias = try types.required(2, "bias", rank: 1)
    let channels = weights.shape.first ?? 0
    guard x.element == .int8, weights.element == .int8, bias.element == .int32 else {
      throw typeProblem("element", "x is \(x), weights are \(weights), the bias is \(bias)")
    }
    guard bias.shape[0] == channels, multipliers.count == channels, shifts.count == channels,
      shifts.allSatisfy({ (0...62).contains($0) }), low <= high
    else {
      throw shapeProblem(
        "channels",
        "\(channels) channels of weights, bias \(bias.shape), \(multipliers.count) multipliers")
    }
    let accumulators = try accumulation.resultTypes([
      TensorType(.int8, x.shape), TensorType(.int8, weights.shape),
    ])
    return [TensorType(.int8, accumulators[0].shape)]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0)
    let weights = try requiredValue(operands, 1)
    let bias = try requiredValue(operands, 2).elements(Int32.self)
    let type = TensorType(.int32, results[0].shape)
    let sums = try accumulation.evaluate([x, weights], results: [type])[0]
    return [
      sums.mapped(along: type.shape.rank - 1, count: bias.count) { (sum: Int32, c) -> Int8 in
        let value = outputZeroPoint + rounded(Int(sum) + Int(bias[c]), c)
        return wraps ? Int8(truncatingIfNeeded: value) : Int8(min(max(value, low), high))
      }
    ]
  }

  private func rounded(_ sum: Int, _ channel: Int) -> Int {
    let shift = shifts[channel]
    let product = rounding == .shift ? sum : sum * Int(multipliers[channel])
    guard shift > 0 else { return product }
    let half = 1 << (shift - 1)
    let nudge = rounding == .awayFromZero && product < 0 ? half - 1 : half
    return (product + nudge) >> shift
  }

  private var accumulation: any Operator {
    if let window {
      return IntegerConv2D(window: window, groups: groups, inputZeroPoint: inputZeroPoint)
    }
    return IntegerMatrixProduct(zeroPointA: inputZeroPoint)
  }

  /// Those of the convolution or product.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    accumulation.macs(operands, results)
  }
}

extension IntegerLayer: LowerableOperator {
  /// One call of `uq_conv2d_s8`, `uq_depthwise_conv2d_s8` or `uq_fully_connected_s8`.
  ///
  /// - Throws: `lower.integer_layer.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    guard let weights = context.graph.constant(try context.operand(node, 1)),
      let bias = context.graph.constant(try context.operand(node, 2))
    else { throw context.problem(node, "constant", "weights or bias are not constant") }
    let (xType, yType) = (context.type(of: x), context.type(of: node.result))
    let isDepthwise = window != nil && groups > 1 && groups == xType.shape[3]
    let values = (isDepthwise ? weights.permuted([1, 2, 3, 0]) : weights).elements(Int8.self)
    let layer = RequantizedLayer(
      weights: context.addConstant(
        ProgramConstant(name: "\(node.name) weights", role: .weights, values)), bits: 8,
      bias: context.addConstant(
        ProgramConstant(
          name: "\(node.name) bias", role: .bias, try foldedBias(weights, bias, node, context))),
      multipliers: rounding == .shift && multipliers.allSatisfy { $0 > 0 }
        ? nil
        : context.addConstant(
          ProgramConstant(name: "\(node.name) multipliers", role: .scales, multipliers)),
      shifts: context.addConstant(
        ProgramConstant(name: "\(node.name) shifts", role: .scales, shifts.map { UInt8($0) })))
    let (input, output) = (context.buffer(x), context.buffer(node.result))
    let macs = macs(context.graph.types(of: node.operands), [yType])
    guard let window else {
      guard let depth = xType.shape.last, let channels = yType.shape.last, depth > 0, channels > 0,
        xType.shape.count < 1 << 31, yType.shape.count < 1 << 31
      else { throw context.problem(node, "size", "x \(xType), result \(yType)") }
      context.emit(
        FullyConnectedKernel(
          batch: xType.shape.count / depth, depth: depth, channels: channels, isWide: false,
          outputStage: stage, layer: layer, input: input, output: output), macs: macs)
      return
    }
    let geometry = try ImageGeometry("integer_layer", xType, yType, window, at: context.place)
    if isDepthwise {
      var kernel = DepthwiseConv2DKernel(
        geometry: geometry, multiplier: yType.shape[3] / groups, inputZeroPoint: inputZeroPoint,
        outputStage: stage, layer: layer, input: input, output: output)
      kernel.scratchBuffer = context.addScratch(kernel.scratchBytes, alignment: 1)
      context.emit(kernel, macs: macs)
    } else {
      var kernel = Conv2DKernel(
        geometry: geometry, groups: groups, inputZeroPoint: inputZeroPoint, outputStage: stage,
        layer: layer, input: input, output: output)
      kernel.scratchBuffer = context.addScratch(kernel.scratchBytes, alignment: 1)
      context.emit(kernel, macs: macs)
    }
  }

  private var stage: OutputStage {
    switch rounding {
    case .single: OutputStage(zeroPoint: outputZeroPoint, bounds: bounds, rounding: .single)
    case .shift: OutputStage(zeroPoint: outputZeroPoint, bounds: bounds, rounding: .shift)
    case .awayFromZero:
      OutputStage(
        zeroPoint: outputZeroPoint, bounds: bounds, rounding: .single, exact: .awayFromZero)
    }
  }

  private var bounds: ClosedRange<Int>? { wraps ? nil : low...high }

  /// The bias less the input's zero point times the weights, with no sum beyond 32 bits.
  private func foldedBias(
    _ weights: Tensor, _ bias: Tensor, _ node: Node, _ context: LoweringContext
  ) throws(Diagnostic) -> [Int32] {
    let values = weights.elements(Int8.self)
    let biases = bias.elements(Int32.self)
    let depth = values.count / max(biases.count, 1)
    var folded: [Int32] = []
    for (channel, bias) in biases.enumerated() {
      var sum = 0
      var magnitude = 0
      for k in 0..<depth {
        sum += Int(values[channel * depth + k])
        magnitude += abs(Int(values[channel * depth + k]))
      }
      let total = Int(bias) - inputZeroPoint * sum
      guard Int(total.magnitude) + 128 * magnitude < 1 << 31 else {
        throw context.problem(
          node, "overflow",
          "channel \(channel): |bias| \(total.magnitude) + 128 · Σ|w| \(128 * magnitude) exceeds "
            + "2^31 − 1")
      }
      folded.append(Int32(total))
    }
    return folded
  }
}
