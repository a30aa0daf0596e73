import UQGraph
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
