import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The same integers, said to stand for other real numbers: the border between a program's ports,
/// which have scales, and integers that are computed with as they are.
public struct ScaleLabel: Operator {
  /// Creates the operator.
  public init() {}

  /// Names and operands.
  public static let spec = OperatorSpec(
    "scale_label", "The same integers at another scale and zero point.",
    operands: [OperandSpec("x")])

  /// The operand's element type and shape, without its quantization.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    return [TensorType(x.element, x.shape)]
  }

  /// The operand.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] { [try requiredValue(operands, 0)] }
}

extension ScaleLabel: LowerableOperator {
  /// Nothing: the result lies where the operand does.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    context.alias(node.result, to: try context.activation(node, 0))
  }
}
