import UQGraph
import UQNumerics
import UQSupport

/// `a << b`, modulo the width of the type.
public struct LeftShift: Operator {
  /// Creates the operator.
  public init() {}

  /// Names and operands.
  public static let spec = OperatorSpec(
    "left_shift", "Integers shifted to the left.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  ///
  /// - Throws: `type.left_shift.*`, `shape.left_shift.broadcast`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let type = try broadcastType(operands)
    try checkIntegers(type, "a")
    return [type]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    return [evaluateBinary(LeftShift.self, a, b, results[0])]
  }

  /// Relay's `left_shift`.
  public static var imports: [ImportRule] {
    [
      .relay("left_shift") { node, builder throws(Diagnostic) in
        try builder.add(
          LeftShift(), [try node.operand(0, "lhs"), try node.operand(1, "rhs")], as: node)
      }
    ]
  }
}

extension LeftShift: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a << b }
}
