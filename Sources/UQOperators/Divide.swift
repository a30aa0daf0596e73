import UQGraph
import UQKernels
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

extension Divide: LowerableOperator {
  /// A table where either operand is a constant number, a depthwise convolution of one tap for a
  /// constant divisor of each channel.
  ///
  /// - Throws: `lower.divide.activations` where both operands depend on the input,
  ///   `lower.divide.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    if try context.lowerWithScalar(node, activation, { $0 / $1 }) { return }
    let divisor = try context.operand(node, 1)
    guard let values = try context.reals(node, divisor) else {
      throw context.problem(
        node, "activations",
        "divides by '\(context.graph[divisor].name)', which is not a constant"
          + " number; no integer kernel computes it")
    }
    let x = try context.activation(node, 0)
    let done = try context.lowerChannelAffine(
      node, x, constantShape: context.type(of: divisor).shape, weights: values.map { 1 / $0 },
      biases: nil, activation)
    guard done else {
      throw context.problem(
        node, "constant",
        "the divisor \(context.type(of: divisor).shape) is not one number for each channel of"
          + " \(context.type(of: x).shape)")
    }
  }
}
