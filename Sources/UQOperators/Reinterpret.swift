import UQGraph
import UQNumerics
import UQSupport

/// The bytes of the elements read as another type of the same size.
public struct Reinterpret: Operator {
  /// Element type of the result.
  public var element: ElementType

  /// Creates the operator.
  public init(element: ElementType) { self.element = element }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "reinterpret", "The bytes of the elements read as another type of the same size.",
    operands: [OperandSpec("x")])

  /// The operand's shape with the element type.
  ///
  /// - Throws: `type.reinterpret.size`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.valueElement.byteCount == element.byteCount, element != .bool else {
      throw typeProblem("size", "\(x) is not read as \(element.name), which has another size")
    }
    return [TensorType(element, x.shape)]
  }

  /// Copies the bytes.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    guard let result = x.withUnsafeBytes({ Tensor(element, x.shape, copying: $0) }) else {
      throw typeProblem("size", "\(x.type) is not read as \(element.name)")
    }
    return [result]
  }

  /// Bytes are no quantized numbers.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("reinterpret") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        guard let element = try node.elementType("dtype") else { return [x] }
        return try builder.add(Reinterpret(element: element), [x], as: node)
      }
    ]
  }
}
