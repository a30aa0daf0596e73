import UQGraph
import UQNumerics
import UQSupport

/// The opposite of every bit of integers, or of every truth value.
public struct Complement: Operator {
  /// Creates the operator.
  public init() {}

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "complement", "The opposite of every bit or truth value.", operands: [OperandSpec("x")])

  /// The operand's type.
  ///
  /// - Throws: `type.complement.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard !x.valueElement.isFloat else {
      throw typeProblem("element", "operand is \(x), not integers or bools")
    }
    return [x]
  }

  /// Inverts.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let values = x.converted(to: .int64).elements(Int64.self)
    let result = values.map { x.element == .bool ? 1 - $0 : ~$0 }
    return [Tensor(wrapping: result, x.element, x.shape)]
  }

  /// Bits are no quantized numbers.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
      node, builder throws(Diagnostic) in
      try builder.add(Complement(), [try node.operand(0, "X")], as: node)
    }
    return [
      .onnx("BitwiseNot", 1...1000, build), .onnx("Not", 1...1000, build),
      .relay("bitwise_not", build), .relay("logical_not", build),
    ]
  }
}
