import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `max(a, b)`, elementwise with broadcasting; a NaN in either operand is the result.
public struct Maximum: Operator {
  /// Creates the operator.
  public init() {}

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "maximum", "Elementwise maximum with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [try broadcastType(operands)]
  }

  /// Computes the result in the operands' element type.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    return [evaluateBinary(Maximum.self, a, b, results[0])]
  }

  /// Both operands and the result share the result's quantization.
  public var quantizationRule: QuantizationRule { .shared }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Max") { node, builder throws(Diagnostic) in
        try node.foldOperands(&builder, with: Maximum())
      },
      .relay("maximum") { node, builder throws(Diagnostic) in
        try node.foldOperands(&builder, with: Maximum())
      },
    ]
  }
}

extension Maximum: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T {
    a.isNaN ? a : b.isNaN ? b : Swift.max(a, b)
  }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { Swift.max(a, b) }
}

extension Maximum: LowerableOperator {
  /// A table for a constant number, otherwise the kernel, both operands brought to the result's scale.
  ///
  /// - Throws: `lower.maximum.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    if try context.lowerWithScalar(node, .none, { Swift.max($0, $1) }) { return }
    let result = try context.quantization(node, node.result, bits: 8)
    try context.lowerPair(node, shared: result) { a, b, _, broadcast, y throws(Diagnostic) in
      ExtremumKernel(
        isMaximum: true, broadcast: broadcast, low: result.lowest, high: result.highest,
        a: a.source, b: b.source, y: y)
    }
  }
}
