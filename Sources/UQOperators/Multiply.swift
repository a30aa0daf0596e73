import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `a · b`, elementwise with broadcasting, then clamped.
public struct Multiply: Operator {
  /// Bounds of the result.
  public var activation: Clamp

  /// Creates the operator.
  public init(activation: Clamp = .none) { self.activation = activation }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "multiply", "Elementwise product with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [try broadcastType(operands)]
  }

  /// Computes the result in the operands' element type; integers wrap.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    return [evaluateBinary(Multiply.self, a, b, results[0], activation)]
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Mul") { node, builder throws(Diagnostic) in
        try builder.add(Multiply(), try node.broadcastOperands(&builder), as: node)
      },
      .relay("multiply") { node, builder throws(Diagnostic) in
        try builder.add(Multiply(), try node.broadcastOperands(&builder), as: node)
      },
    ]
  }
}

extension Multiply: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a * b }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a &* b }
}

extension Multiply: LowerableOperator {
  /// A table for a constant number, a depthwise convolution of one tap for a constant of each channel,
  /// otherwise the product kernel.
  ///
  /// - Throws: `lower.multiply.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    if try context.lowerWithScalar(node, activation, { $0 * $1 }) { return }
    for (constant, other) in [(1, 0), (0, 1)] {
      let id = try context.operand(node, constant)
      guard let weights = try context.reals(node, id) else { continue }
      let x = try context.activation(node, other)
      let done = try context.lowerChannelAffine(
        node, x, constantShape: context.type(of: id).shape, weights: weights, biases: nil,
        activation)
      if done { return }
    }
    let result = try context.quantization(node, node.result)
    let clamp = activation
    let rounding = context.rounding
    let place = context.place
    try context.lowerPair(node) { a, b, _, broadcast, y throws(Diagnostic) in
      let factor = a.quantization.scale * b.quantization.scale / result.scale
      guard let scale = KernelScale(factor, rounding) else {
        throw Diagnostic(
          id: "lower.multiply.scale", "the ratio of scales is \(factor); it must be below 2^29",
          at: place)
      }
      return MultiplyKernel(
        isWide: result.bits == 16, broadcast: broadcast, zeroA: a.quantization.zeroPoint,
        zeroB: b.quantization.zeroPoint,
        scale: scale,
        output: OutputStage(result, clamp, rounding: scale.rounding), a: a.source, b: b.source, y: y
      )
    }
  }
}
