import UQGraph
import UQNumerics
import UQSupport

/// Logic on the bits of integers or on truth values, elementwise with broadcasting.
public struct Bitwise: Operator {
  /// The function of two bits.
  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    case and, or, xor
  }

  /// The function of two bits.
  public var kind: Kind

  /// Creates the operator.
  public init(kind: Kind) { self.kind = kind }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "bitwise", "Logic of bits or truth values with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  ///
  /// - Throws: `type.bitwise.element`, `shape.bitwise.broadcast`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let a = try requiredType(operands, 0)
    let b = try requiredType(operands, 1)
    guard a.valueElement == b.valueElement, !a.valueElement.isFloat else {
      throw typeProblem("element", "operands are \(a) and \(b), not integers or bools of one type")
    }
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw shapeProblem("broadcast", "shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    return [TensorType(a.valueElement, shape)]
  }

  /// Combines the bits.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    // Bytes other than 0 and 1 are not values of `Bool`.
    let a = try requiredValue(operands, 0).converted(to: .int64)
    let b = try requiredValue(operands, 1).converted(to: .int64)
    let shape = results[0].shape
    let result =
      switch kind {
      case .and: broadcastMap(a, b, shape) { (x: Int64, y: Int64) in x & y }
      case .or: broadcastMap(a, b, shape) { (x: Int64, y: Int64) in x | y }
      case .xor: broadcastMap(a, b, shape) { (x: Int64, y: Int64) in x ^ y }
      }
    return [result.converted(to: results[0].element)]
  }

  /// Bits are no quantized numbers.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let names: [(onnx: [String], relay: [String], Kind)] = [
      (["And", "BitwiseAnd"], ["bitwise_and", "logical_and"], .and),
      (["BitwiseOr", "Or"], ["bitwise_or", "logical_or"], .or),
      (["BitwiseXor", "Xor"], ["bitwise_xor", "logical_xor"], .xor),
    ]
    return names.flatMap { onnx, relay, kind in
      let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
        node, builder throws(Diagnostic) in
        try builder.add(Bitwise(kind: kind), try node.broadcastOperands(&builder), as: node)
      }
      return onnx.map { ImportRule.onnx($0, 1...1000, build) }
        + relay.map { ImportRule.relay($0, build) }
    }
  }
}
