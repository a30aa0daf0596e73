import UQGraph
import UQNumerics
import UQSupport

/// `a / b`, elementwise with broadcasting, then clamped; integers truncate toward zero.
public struct Divide: Operator {
  /// Bounds of the result.
  public var activation: Clamp

  /// Creates the operator.
  public init(activation: Clamp = .none) { self.activation = activation }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "divide", "Elementwise quotient with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [try broadcastType(operands)]
  }

  /// Computes the result in the operands' element type; integers wrap.
  ///
  /// - Throws: `type.divide.zero` for an integer division by zero.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    if !b.element.isFloat, b.integers.contains(0) {
      throw typeProblem("zero", "divides \(a.type) by \(b.type) that holds a zero")
    }
    return [evaluateBinary(Divide.self, a, b, results[0], activation)]
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Div") { node, builder throws(Diagnostic) in
        try builder.add(Divide(), try node.broadcastOperands(&builder), as: node)
      },
      .relay("divide") { node, builder throws(Diagnostic) in
        try builder.add(Divide(), try node.broadcastOperands(&builder), as: node)
      },
    ]
  }
}

extension Divide: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a / b }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
    a.dividedReportingOverflow(by: b).partialValue
  }
}
