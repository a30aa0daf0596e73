import UQGraph
import UQNumerics
import UQSupport

/// `a >> b`: floor division by a power of two.
public struct RightShift: Operator {
  /// Creates the operator.
  public init() {}

  /// Names and operands.
  public static let spec = OperatorSpec(
    "right_shift", "Integers shifted to the right; signed ones keep their sign.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  ///
  /// - Throws: `type.right_shift.*`, `shape.right_shift.broadcast`.
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
    return [evaluateBinary(RightShift.self, a, b, results[0])]
  }

  /// Relay's `right_shift`.
  public static var imports: [ImportRule] {
    [
      .relay("right_shift") { node, builder throws(Diagnostic) in
        try builder.add(
          RightShift(), [try node.operand(0, "lhs"), try node.operand(1, "rhs")], as: node)
      }
    ]
  }
}

extension RightShift: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a >> b }
}
