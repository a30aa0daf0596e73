import UQGraph
import UQNumerics
import UQSupport

/// Elements of `x` where a condition holds, of `y` elsewhere, with broadcasting.
public struct Where: Operator {
  /// Creates the operator.
  public init() {}

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "where", "Selects elements of two tensors by a condition, with broadcasting.",
    operands: [OperandSpec("condition", .parameter), OperandSpec("x"), OperandSpec("y")])

  /// The element type of `x` and `y`, the shapes broadcast.
  ///
  /// - Throws: `type.where.element`, `shape.where.broadcast`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let condition = try requiredType(operands, 0)
    let x = try requiredType(operands, 1)
    let y = try requiredType(operands, 2)
    guard !condition.element.isFloat, x.valueElement == y.valueElement else {
      throw typeProblem("element", "selects from \(x) and \(y) by \(condition)")
    }
    guard let both = Shape.broadcast(x.shape, y.shape),
      let shape = Shape.broadcast(condition.shape, both)
    else {
      throw shapeProblem(
        "broadcast", "shapes \(condition.shape), \(x.shape) and \(y.shape) do not broadcast")
    }
    return [TensorType(x.valueElement, shape)]
  }

  /// Copies the selected elements.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let shape = results[0].shape
    let condition = try requiredValue(operands, 0).converted(to: .int64)
    let spread = { (x: Tensor) in viewed(x, broadcastBox(x.shape, to: shape), as: shape) }
    var result = spread(try requiredValue(operands, 2))
    let x = spread(try requiredValue(operands, 1))
    let chosen = spread(condition).elements(Int64.self)
    let width = result.element.byteCount
    result.withUnsafeMutableBytes { output in
      x.withUnsafeBytes { input in
        chosen.withUnsafeBufferPointer { chosen in
          for i in chosen.indices where chosen[i] != 0 {
            for byte in i * width..<(i + 1) * width { output[byte] = input[byte] }
          }
        }
      }
    }
    return [result]
  }

  /// Both sources and the result share the result's quantization.
  public var quantizationRule: QuantizationRule { .shared }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
      node, builder throws(Diagnostic) in
      let operands = [
        try node.operand(0, "condition"), try node.operand(1, "X"), try node.operand(2, "Y"),
      ]
      return try builder.add(Where(), operands, as: node)
    }
    return [.onnx("Where", 1...1000, build), .relay("where", build)]
  }
}
