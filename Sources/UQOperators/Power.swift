import Foundation
import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `aᵇ`, elementwise with broadcasting; the result has the base's element type.
///
/// A constant exponent that is one number is imported as `Pointwise(.power)` instead.
public struct Power: Operator {
  /// Creates the operator.
  public init() {}

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "power", "Elementwise power with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The base's element type, the shapes broadcast.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let a = try requiredType(operands, 0)
    let b = try requiredType(operands, 1)
    guard a.valueElement != .bool, b.valueElement != .bool else {
      throw typeProblem("element", "operands are \(a) and \(b), which are not numbers")
    }
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw shapeProblem("broadcast", "shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    return [TensorType(a.valueElement, shape)]
  }

  /// Computes in `Double`, or exactly where both operands are integers; a result outside the base's
  /// integer type wraps.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    let shape = results[0].shape
    if !a.element.isFloat, !b.element.isFloat {
      let values = broadcastMap(
        a.converted(to: .int64), b.converted(to: .int64), shape, Power.integer(_:_:))
      return [values.converted(to: results[0].element)]
    }
    let values = broadcastMap(a.converted(to: .float64), b.converted(to: .float64), shape) {
      (x: Double, y: Double) in pow(x, y)
    }
    return [values.converted(to: results[0].element)]
  }

  /// Exponentiation by squaring modulo 2⁶⁴; a negative exponent truncates toward zero.
  static func integer(_ base: Int64, _ exponent: Int64) -> Int64 {
    if exponent < 0 { return base == 1 ? 1 : base == -1 ? (exponent & 1 == 0 ? 1 : -1) : 0 }
    var result: Int64 = 1
    var square = base
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result = result &* square }
      square = square &* square
      rest >>= 1
    }
    return result
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Pow") { node, builder throws(Diagnostic) in try imported(node, &builder) },
      .relay("power") { node, builder throws(Diagnostic) in try imported(node, &builder) },
    ]
  }

  private static func imported(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let operands = try node.broadcastOperands(&builder)
    let base = builder.type(of: operands[0])
    if base.element.isFloat, let exponent = builder.constant(operands[1]),
      builder.constant(operands[0]) == nil,
      Shape.broadcast(base.shape, exponent.shape) == base.shape, exponent.count > 0
    {
      let values = exponent.floats
      if values.allSatisfy({ $0 == values[0] }) {
        let function = PointwiseFunction.power(exponent: values[0])
        return try builder.add(Pointwise(function: function), [operands[0]], as: node)
      }
    }
    return try builder.add(Power(), operands, as: node)
  }
}

extension Power: LowerableOperator {
  /// A table where either operand is a constant number.
  ///
  /// - Throws: `lower.power.activations` otherwise.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    if try context.lowerWithScalar(node, .none, { pow($0, $1) }) { return }
    throw context.problem(
      node, "activations",
      "neither base nor exponent is a constant number; no integer kernel"
        + " computes it")
  }
}
