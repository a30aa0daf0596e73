import UQGraph
import UQNumerics
import UQSupport

/// Whether floating-point numbers are of a kind.
public struct Classify: Operator {
  /// What is asked.
  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    case isNaN, isInfinite, isFinite
  }

  /// What is asked.
  public var kind: Kind

  /// Creates the operator.
  public init(kind: Kind) { self.kind = kind }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "classify", "Whether numbers are NaN, infinite or finite.", operands: [OperandSpec("x")])

  /// `bool` in the operand's shape.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    return [TensorType(.bool, try requiredType(operands, 0).shape)]
  }

  /// Asks each element; integers are finite.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let answers = x.converted(to: .float64).elements(Double.self).map { value in
      switch kind {
      case .isNaN: value.isNaN
      case .isInfinite: value.isInfinite
      case .isFinite: value.isFinite
      }
    }
    return [Tensor(answers, x.shape)]
  }

  /// Truth values are no quantized numbers.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let build = {
      (kind: Kind)
        -> @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] in
      { node, builder throws(Diagnostic) in
        try builder.add(Classify(kind: kind), [try node.operand(0, "X")], as: node)
      }
    }
    return [
      .onnx("IsNaN", 1...1000, build(.isNaN)), .relay("isfinite", build(.isFinite)),
      .relay("isinf", build(.isInfinite)), .relay("isnan", build(.isNaN)),
    ]
  }
}
