import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `a − b`, elementwise with broadcasting, then clamped.
public struct Subtract: Operator {
  /// Bounds of the result.
  public var activation: Clamp

  /// Creates the operator.
  public init(activation: Clamp = .none) { self.activation = activation }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "subtract", "Elementwise difference with broadcasting.",
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
    return [evaluateBinary(Subtract.self, a, b, results[0], activation)]
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Sub") { node, builder throws(Diagnostic) in
        try builder.add(Subtract(), try node.broadcastOperands(&builder), as: node)
      },
      .relay("subtract") { node, builder throws(Diagnostic) in
        try builder.add(Subtract(), try node.broadcastOperands(&builder), as: node)
      },
    ]
  }
}

extension Subtract: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a - b }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a &- b }
}

extension Subtract: LowerableOperator {
  /// As for a sum.
  ///
  /// - Throws: `lower.subtract.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    try context.lowerSum(node, sign: -1, activation)
  }
}
