import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `a + b`, elementwise with broadcasting, then clamped.
public struct Add: Operator {
  /// Bounds of the result.
  public var activation: Clamp

  /// Creates the operator.
  public init(activation: Clamp = .none) { self.activation = activation }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "add", "Elementwise sum with broadcasting.", operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [try broadcastType(operands)]
  }

  /// The engine's own sum, for operands of one shape.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .sum(clamp: activation)
  }

  /// Computes the result in the operands' element type; integers wrap.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    return [evaluateBinary(Add.self, a, b, results[0], activation)]
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Add") { node, builder throws(Diagnostic) in
        try builder.add(Add(), try node.broadcastOperands(&builder), as: node)
      },
      .relay("nn.bias_add") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let bias = try node.operand(1, "bias")
        let aligned = try builder.alignedToAxis(
          bias, try node.int("axis", default: 1), of: x, "bias", node)
        return try builder.add(Add(), [x, aligned], as: node)
      },
      .relay("add") { node, builder throws(Diagnostic) in
        try builder.add(Add(), try node.broadcastOperands(&builder), as: node)
      },
    ]
  }
}

extension Add: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a + b }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a &+ b }
}

extension Add: LowerableOperator {
  /// A table for a constant number, a depthwise convolution of one tap for a constant of each channel,
  /// otherwise the sum kernel.
  ///
  /// - Throws: `lower.add.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    try context.lowerSum(node, sign: 1, activation)
  }
}

extension LoweringContext {
  /// Lowers `a + sign · b`.
  mutating func lowerSum(_ node: Node, sign: Double, _ clamp: Clamp) throws(Diagnostic) {
    if try lowerWithScalar(node, clamp, { $0 + sign * $1 }) { return }
    let b = try operand(node, 1)
    if let biases = try reals(node, b) {
      let x = try activation(node, 0)
      let done = try lowerChannelAffine(
        node, x, constantShape: type(of: b).shape, weights: nil, biases: biases.map { sign * $0 },
        clamp)
      if done { return }
    }
    let a = try operand(node, 0)
    if let biases = try reals(node, a) {
      let x = try activation(node, 1)
      let done = try lowerChannelAffine(
        node, x, constantShape: type(of: a).shape, weights: biases.map { _ in sign },
        biases: biases, clamp)
      if done { return }
    }
    let result = try quantization(node, node.result)
    let isWide = result.bits == 16
    let bounds = OutputStage(result, clamp, rounding: rounding)
    let place = place
    try lowerPair(node) { a, b, isSwapped, broadcast, y throws(Diagnostic) in
      let ratioA = a.quantization.scale / result.scale
      let ratioB = b.quantization.scale / result.scale
      guard
        let factors = isWide
          ? AddKernel.Factors(
            wideRatioA: isSwapped ? sign * ratioA : ratioA,
            ratioB: isSwapped ? ratioB : sign * ratioB)
          : AddKernel.Factors(
            ratioA: isSwapped ? sign * ratioA : ratioA, zeroA: a.quantization.zeroPoint,
            ratioB: isSwapped ? ratioB : sign * ratioB, zeroB: b.quantization.zeroPoint,
            zeroY: result.zeroPoint)
      else {
        throw Diagnostic(
          id: "lower.\(node.spec.name).scale",
          "the ratios of scales are \(ratioA) and \(ratioB), too large for 32 bits", at: place)
      }
      return AddKernel(
        isWide: isWide, broadcast: broadcast, factors: factors, low: bounds.low,
        high: bounds.high, a: a.source, b: b.source, y: y)
    }
  }
}
